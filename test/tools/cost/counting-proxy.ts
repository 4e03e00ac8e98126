/** Stands between the Lambdas and the DynamoDB server and counts the calls and the capacity units they consume. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

export interface Consumption {
  calls: Record<string, number>;
  readUnits: number;
  writeUnits: number;
}

export interface CountingProxy {
  url: string;
  /** What was counted since the last time. */
  take(): Consumption;
  stop(): Promise<void>;
}

interface Capacity {
  CapacityUnits: number;
}

const READS = ['GetItem', 'Query', 'TransactGetItems', 'BatchGetItem', 'Scan'];
const WRITES = ['PutItem', 'UpdateItem', 'DeleteItem', 'TransactWriteItems', 'BatchWriteItem'];

export async function startCountingProxy(endpoint: string): Promise<CountingProxy> {
  let counted = nothing();

  const forward = async (request: IncomingMessage, response: ServerResponse) => {
    const sent = await text(request);
    const operation = /^DynamoDB_\d+\.(\w+)$/.exec(String(request.headers['x-amz-target']))?.[1] ?? '';
    const counts = READS.includes(operation) || WRITES.includes(operation);
    const body = counts ? JSON.stringify({ ...JSON.parse(sent), ReturnConsumedCapacity: 'TOTAL' }) : sent;
    const answer = await fetch(endpoint, { method: 'POST', headers: forwarded(request), body });
    const received = await answer.text();
    if (counts) count(counted, operation, unitsOf(answer.status, received));
    response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(received);
  };

  const server = createServer((request, response) => {
    forward(request, response).catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    take() {
      const taken = counted;
      counted = nothing();
      return taken;
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

const nothing = (): Consumption => ({ calls: {}, readUnits: 0, writeUnits: 0 });

/** All but those that are about this one hop. */
const forwarded = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).filter(
      (entry): entry is [string, string] =>
        /^(x-amz-.*|authorization|content-type)$/.test(entry[0]) && typeof entry[1] === 'string',
    ),
  );

/** AWS charges a write whose condition fails for the row it looked at; ours are all below 1 KB. */
function unitsOf(status: number, answer: string): number {
  const { ConsumedCapacity, __type = '' } = JSON.parse(answer) as {
    ConsumedCapacity?: Capacity | Capacity[];
    __type?: string;
  };
  if (status !== 200) return __type.endsWith('ConditionalCheckFailedException') ? 1 : 0;
  return [ConsumedCapacity ?? []].flat().reduce((sum, { CapacityUnits }) => sum + CapacityUnits, 0);
}

function count(counted: Consumption, operation: string, units: number): void {
  counted.calls[operation] = (counted.calls[operation] ?? 0) + 1;
  if (READS.includes(operation)) counted.readUnits += units;
  else counted.writeUnits += units;
}

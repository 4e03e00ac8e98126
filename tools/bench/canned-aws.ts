/** Answers like DynamoDB, Secrets Manager and `@connections` at once and always the same, where only our own time counts. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export const SECRET = 'a-secret-for-measuring-only-32-characters';

const IN_AN_HOUR = Date.now() + 3_600_000;

/** One row that passes for a row of each table. */
const ROW = {
  userId: { S: 'alice' },
  connectionId: { S: 'Xk3vQf1_IAMCJ7w=' },
  deviceId: { S: 'phone' },
  ackMode: { S: 'client' },
  handover: { BOOL: false },
  connectedAt: { N: String(Date.now()) },
  readyAt: { N: String(Date.now()) },
  tokenExpiresAt: { N: String(IN_AN_HOUR) },
  expiresAt: { N: String(Math.floor(IN_AN_HOUR / 1000)) },
  lastSeenAt: { N: String(Date.now()) },
  channel: { S: 'user:alice' },
  seq: { N: '0' },
  epoch: { S: '0199c0de-0000-7000-8000-000000000000' },
  head: { N: '1' },
  updatedAt: { N: '0' },
  'cursor#user:alice': { M: { epoch: { S: '0199c0de-0000-7000-8000-000000000000' }, seq: { N: '0' } } },
};

export async function startCannedAws() {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    request.resume().on('end', () => {
      const target = String(request.headers['x-amz-target'] ?? '');
      response.setHeader('content-type', 'application/x-amz-json-1.0');
      response.end(JSON.stringify(answerTo(target, `${url()}/stage`)));
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url(),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answerTo(target: string, endpoint: string): unknown {
  const row = { ...ROW, endpoint: { S: endpoint } };
  if (target.endsWith('GetSecretValue')) return { SecretString: SECRET };
  if (target.endsWith('GetItem')) return { Item: row };
  if (target.endsWith('UpdateItem')) return { Attributes: row };
  if (target.endsWith('Query')) return { Items: [{ ...row, seq: { N: '1' } }], Count: 1 };
  return {};
}

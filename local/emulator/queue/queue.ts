/**
 * A queue of SQS together with the event source that empties it: hands messages to a Lambda in batches
 * and, of each batch, those that failed once more. In memory: what waits when the stack stops is lost.
 */
import { failedItems } from '../batch-failures.ts';
import { createMessage, type Message, receive } from './message.ts';

export interface QueueSettings {
  /** As its URL and the events name it. */
  name: string;
  batchSize: number;
  /** A message that failed so often is a dead letter. */
  maxReceives: number;
  /** Batches that run at once, at most. */
  maxConcurrency: number;
  /** How long nobody receives a message that has failed so often. */
  hiddenMs(receives: number): number;
  /** How long a second of a message's delay lasts. @default 1000 */
  delaySecondMs?: number | undefined;
}

export interface QueuePorts {
  /** The Lambda's result; rejects when it failed. */
  invoke(event: { Records: ReturnType<typeof receive>[] }): Promise<unknown>;
  deadLetter(message: Message): void;
}

export interface Queue {
  /** Returns the message's id. `groupId`: whose messages the queue serves fairly beside those of others. */
  send(body: string, delaySeconds: number, groupId?: string): string;
  /** Starts no other run, and waits for those under way. */
  stop(): Promise<void>;
}

export function createQueue(settings: QueueSettings, ports: QueuePorts): Queue {
  const visible: Message[] = [];
  const timers = new Set<NodeJS.Timeout>();
  const runs = new Set<Promise<void>>();
  /** Messages in the hands of the Lambda, by group. */
  const inHand = new Map<string | undefined, number>();
  let isStopping = false;

  function showIn(milliseconds: number, message: Message): void {
    if (isStopping) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      visible.push(message);
      take();
    }, milliseconds);
    timers.add(timer);
  }

  function take(): void {
    while (!isStopping && visible.length > 0 && runs.size < settings.maxConcurrency) {
      const run = handOver(nextBatch()).finally(() => {
        runs.delete(run);
        take();
      });
      runs.add(run);
    }
  }

  function nextBatch(): Message[] {
    const batch: Message[] = [];
    while (visible.length > 0 && batch.length < settings.batchSize) {
      const [message] = visible.splice(fairest(), 1);
      if (message === undefined) break;
      count(message, +1);
      batch.push(message);
    }
    return batch;
  }

  /** The oldest message of those whose group has the fewest in hand: a large group does not hold up the others. */
  function fairest(): number {
    const counts = visible.map(({ groupId }) => inHand.get(groupId) ?? 0);
    return counts.indexOf(Math.min(...counts));
  }

  function count({ groupId }: Message, change: 1 | -1): void {
    const now = (inHand.get(groupId) ?? 0) + change;
    if (now === 0) inHand.delete(groupId);
    else inHand.set(groupId, now);
  }

  /** Never rejects. */
  async function handOver(batch: Message[]): Promise<void> {
    const failures = await failuresOf(batch);
    for (const message of batch) count(message, -1);
    for (const message of failures) {
      if (message.receives >= settings.maxReceives) ports.deadLetter(message);
      else showIn(settings.hiddenMs(message.receives), message);
    }
  }

  /** An identifier that is of no message in the batch: the whole batch failed. */
  async function failuresOf(batch: Message[]): Promise<Message[]> {
    let result: unknown;
    try {
      result = await ports.invoke({ Records: batch.map((message) => receive(settings.name, message)) });
    } catch {
      return batch; // whoever invokes has logged it
    }
    const failures = failedItems(result)?.map((identifier) => batch.find(({ id }) => id === identifier));
    const known = failures?.filter((message) => message !== undefined);
    return known === undefined || known.length !== failures?.length ? batch : [...new Set(known)];
  }

  return {
    send(body, delaySeconds, groupId) {
      const message = createMessage(body, groupId);
      showIn(delaySeconds * (settings.delaySecondMs ?? 1000), message);
      return message.id;
    },
    async stop() {
      isStopping = true;
      for (const timer of timers) clearTimeout(timer);
      await Promise.all(runs);
    },
  };
}

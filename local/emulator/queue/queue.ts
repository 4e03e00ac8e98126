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
  /** How long nobody receives a message that has failed so often. */
  hiddenMs(receives: number): number;
}

export interface QueuePorts {
  /** The Lambda's result; rejects when it failed. */
  invoke(event: { Records: ReturnType<typeof receive>[] }): Promise<unknown>;
  deadLetter(message: Message): void;
}

export interface Queue {
  /** Returns the message's id. */
  send(body: string, delaySeconds: number): string;
  /** Starts no other run, and waits for those under way. */
  stop(): Promise<void>;
}

/** With so many at once Lambda begins to empty a queue. */
const CONCURRENCY = 5;

export function createQueue(settings: QueueSettings, ports: QueuePorts): Queue {
  const visible: Message[] = [];
  const timers = new Set<NodeJS.Timeout>();
  const runs = new Set<Promise<void>>();
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
    while (!isStopping && visible.length > 0 && runs.size < CONCURRENCY) {
      const run = handOver(visible.splice(0, settings.batchSize)).finally(() => {
        runs.delete(run);
        take();
      });
      runs.add(run);
    }
  }

  /** Never rejects. */
  async function handOver(batch: Message[]): Promise<void> {
    for (const message of await failuresOf(batch)) {
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
    send(body, delaySeconds) {
      const message = createMessage(body);
      showIn(delaySeconds * 1000, message);
      return message.id;
    },
    async stop() {
      isStopping = true;
      for (const timer of timers) clearTimeout(timer);
      await Promise.all(runs);
    },
  };
}

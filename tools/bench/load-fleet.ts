/** Many devices in one process, on our own client library: what is verified is what an application would get. */
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { connect, type Herald, type Message, type Topic } from '../../client/index.ts';

export interface FleetOptions {
  wsUrl: string;
  users: readonly string[];
  devicesPerUser: number;
  /** What the devices hear. @default their users' own channels */
  topic?: string | undefined;
  tokenOf(userId: string): string;
  received(userId: string, device: number, seq: number, data: unknown): void;
}

export interface Fleet {
  readonly size: number;
  /** Devices that are connected and have caught up in their users' own channels. */
  readonly live: number;
  /** Resolves when all are. Rejects after the deadline. */
  allLive(deadlineMs: number): Promise<void>;
  /** Cuts every connection at once, as a failing network does. */
  cutAll(): void;
  close(): Promise<void>;
}

const OPENED_AT_ONCE = 20;

const HEARD_DEADLINE_MS = 60_000;

/** The library tells no event of it: a topic has its cursor from when the server has answered. */
async function untilHeard(topic: Topic): Promise<void> {
  const deadlineAt = Date.now() + HEARD_DEADLINE_MS;
  while (topic.cursor === undefined) {
    if (Date.now() > deadlineAt) throw new Error(`${topic.channel} is not heard`);
    await sleep(20);
  }
}

export async function openFleet(options: FleetOptions): Promise<Fleet> {
  const sockets = new Set<WebSocket>();
  const live = new Set<Herald>();
  const heralds: Herald[] = [];
  const watchers = new Set<() => void>();

  /** The library's socket, known to us so that it can be cut. */
  class CuttableSocket extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { perMessageDeflate: false });
      sockets.add(this);
      this.on('close', () => sockets.delete(this));
    }
  }

  const open = async (userId: string, device: number) => {
    const herald = connect(options.wsUrl, {
      token: options.tokenOf(userId),
      deviceId: `device-${device}`,
      WebSocket: CuttableSocket,
    });
    heralds.push(herald);
    const heard = options.topic === undefined ? undefined : herald.topic(options.topic);
    const received = ({ seq, data }: Message) => options.received(userId, device, seq, data);
    if (heard) heard.on('message', received);
    else herald.on('message', received);
    const isLive = Promise.withResolvers<void>();
    herald.on('status', ({ state }) => {
      if (state === 'live') live.add(herald);
      else live.delete(herald);
      if (state === 'live') isLive.resolve();
      for (const watch of watchers) watch();
    });
    await isLive.promise;
    if (heard) await untilHeard(heard);
  };

  const waiting = options.users.flatMap((userId) =>
    Array.from({ length: options.devicesPerUser }, (_, device) => ({ userId, device })),
  );
  const size = waiting.length;
  const opener = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await open(next.userId, next.device);
  };
  await Promise.all(Array.from({ length: OPENED_AT_ONCE }, opener));

  return {
    size,
    get live() {
      return live.size;
    },
    async allLive(deadlineMs) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const look = () => live.size === size && resolve();
      const deadline = setTimeout(
        () => reject(new Error(`${size - live.size} devices did not come back`)),
        deadlineMs,
      );
      watchers.add(look);
      look();
      await promise.finally(() => {
        clearTimeout(deadline);
        watchers.delete(look);
      });
    },
    cutAll() {
      live.clear();
      for (const socket of sockets) socket.terminate();
    },
    async close() {
      await Promise.all(heralds.map((herald) => herald.close()));
    },
  };
}

/** A browser in virtual time: its storage, its tabs and a page that can be shown, and a server to connect to. */
import { onTestFinished } from 'vitest';
import { Client } from '../../client/client.ts';
import type { Broadcast, Environment, Locks } from '../../client/environment.ts';
import type { HeraldError, KeyValueStorage, Message, Options, Socket, Status } from '../../client/types.ts';
import { Server } from './server.ts';
import { seeded, VirtualTime } from './virtual-time.ts';

/** Alice's: a tab tells from it whose connection it may share. */
export const tokenOf = (userId: string): string => `e30.${btoa(JSON.stringify({ sub: userId }))}.signature`;

/** What a tab's application saw. */
export interface Tab {
  session: Client;
  seen: number[];
  statuses: Status[];
  errors: HeraldError[];
  expired: { count: number; through: number }[];
  resets: unknown[];
  wake(): void;
  /** The browser kills it without a word. */
  kill(): void;
}

export interface TabOptions extends Partial<Options> {
  env?: Partial<Environment>;
  handler?: (message: Message) => unknown;
}

export class World {
  readonly time = new VirtualTime();
  readonly server = new Server(this.time);
  readonly random: () => number;
  readonly storage = new MapStorage();
  readonly #broadcasts = new Set<FakeBroadcast>();
  readonly #locks = new Map<string, { held: (() => void) | undefined; queue: (() => void)[] }>();
  readonly #tabs: Tab[] = [];

  constructor(seed = 1) {
    this.random = seeded(seed);
  }

  /** Opens a client that keeps a record. Without `hasTabs` it is one of Node's. */
  open({ env: over, handler, ...options }: TabOptions = {}): Tab {
    let wake: () => void = () => {};
    let isDead = false;
    const releases: (() => void)[] = [];
    const cancels: (() => void)[] = [];
    const sockets: Socket[] = [];
    const env: Environment = {
      now: () => this.time.now,
      after: (ms, action) => {
        const cancel = this.time.after(isDead ? Number.POSITIVE_INFINITY : ms, action);
        cancels.push(cancel);
        if (isDead) cancel();
        return cancel;
      },
      random: this.random,
      openSocket: (url, protocols) => {
        const socket = this.server.connect(url, protocols);
        sockets.push(socket);
        if (isDead) socket.close();
        return socket;
      },
      onWake: (listener) => {
        wake = listener;
        return () => {};
      },
      report: () => {},
      hasTabs: false,
      locks: this.#lockManager(releases, () => isDead),
      openBroadcast: (name) => this.#openBroadcast(name, () => isDead),
      ...over,
    };
    const session = new Client(
      'wss://herald.test/prod',
      { token: () => tokenOf('alice'), deviceId: 'laptop', storage: this.storage, ...options },
      env,
    );
    const tab: Tab = {
      session,
      seen: [],
      statuses: [],
      errors: [],
      expired: [],
      resets: [],
      wake: () => wake(),
      kill: () => {
        isDead = true;
        for (const cancel of cancels) cancel();
        for (const socket of sockets) socket.close();
        for (const release of releases) release();
      },
    };
    session.on('message', async (message) => {
      if (isDead) await new Promise(() => {});
      await handler?.(message);
      if (isDead) await new Promise(() => {});
      tab.seen.push(message.seq);
    });
    session.on('status', (status) => tab.statuses.push(status));
    session.on('error', (error) => tab.errors.push(error));
    session.on('expired', (event) => tab.expired.push(event));
    session.on('reset', (event) => tab.resets.push(event));
    this.#tabs.push(tab);
    return tab;
  }

  async live(tab: Tab): Promise<void> {
    await this.time.until(() => tab.session.status.state === 'live', 'live');
  }

  publish(count: number, origin?: string): void {
    for (let one = 0; one < count; one++) this.server.publish(undefined, origin);
  }

  #openBroadcast(name: string, isDead: () => boolean): Broadcast {
    const channel = new FakeBroadcast(name, (data) => {
      for (const other of this.#broadcasts) {
        if (other === channel || other.name !== name || isDead()) continue;
        const copy = structuredClone(data);
        this.time.after(1, () => this.#broadcasts.has(other) && other.onmessage?.({ data: copy }));
      }
    });
    this.#broadcasts.add(channel);
    channel.onclose = () => this.#broadcasts.delete(channel);
    return channel;
  }

  #lockManager(releases: (() => void)[], isDead: () => boolean): Locks {
    return {
      request: (name, { signal }, held) =>
        new Promise((resolve, reject) => {
          if (isDead()) return;
          const lock = this.#locks.get(name) ?? { held: undefined, queue: [] };
          this.#locks.set(name, lock);
          const release = () => {
            if (lock.held !== release) return;
            lock.held = undefined;
            lock.queue.shift()?.();
          };
          const take = () => {
            lock.held = release;
            void held().then((value) => {
              release();
              resolve(value);
            });
          };
          const wait = () => {
            lock.held = release;
            this.time.after(1, () => (isDead() ? release() : take()));
          };
          releases.push(() => {
            lock.queue = lock.queue.filter((waiting) => waiting !== wait);
            release();
          });
          signal.addEventListener('abort', () => {
            lock.queue = lock.queue.filter((waiting) => waiting !== wait);
            reject(signal.reason);
          });
          if (lock.held) lock.queue.push(wait);
          else take();
        }),
    };
  }
}

class FakeBroadcast implements Broadcast {
  readonly name: string;
  readonly #post: (data: unknown) => void;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: () => void = () => {};

  constructor(name: string, post: (data: unknown) => void) {
    this.name = name;
    this.#post = post;
  }

  postMessage(data: unknown): void {
    this.#post(data);
  }

  close(): void {
    this.onclose();
  }
}

export class MapStorage implements KeyValueStorage {
  readonly values = new Map<string, string>();

  getItem(key: string): string | null {
    return this.values.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.values.set(key, value);
  }
}

/** 1, 2, … `last`. */
export const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);

/** For a test of its own. */
export function aWorld(seed?: number): World {
  const world = new World(seed);
  onTestFinished(() => world.server.cut());
  return world;
}

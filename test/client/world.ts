/** A browser in virtual time: its storage, its tabs and a page that can be shown, and a server to connect to. */
import { onTestFinished } from 'vitest';
import { Client } from '../../client/client.ts';
import type { Broadcast, Environment } from '../../client/environment.ts';
import type {
  HeraldError,
  KeyValueStorage,
  Message,
  Options,
  Socket,
  Status,
  Topic,
} from '../../client/types.ts';
import { FakeLocks, type LockingTab } from './locks.ts';
import { Server } from './server.ts';
import { seeded, VirtualTime } from './virtual-time.ts';

/** Alice's: a tab tells from it whose connection it may share. */
export const tokenOf = (userId: string, id = ''): string =>
  `e30.${Buffer.from(JSON.stringify({ sub: userId })).toString('base64url')}.signature${id}`;

/** What a tab's application saw. */
export interface Tab {
  session: Client;
  seen: number[];
  statuses: Status[];
  errors: HeraldError[];
  expired: { count: number; through: number }[];
  resets: unknown[];
  /** The topics it listens to from the beginning. */
  topics: { topic: Topic; seen: number[] }[];
  /** The page is shown; without `mayConnect` the network went. */
  wake(mayConnect?: boolean): void;
  /** The page is hidden. */
  hide(): void;
  /** The browser kills it without a word. */
  kill(): void;
  /** It does not run, as behind an `alert()`: what happens meanwhile it gets when it thaws. */
  freeze(): void;
  thaw(): void;
}

export interface TabOptions extends Partial<Options> {
  env?: Partial<Environment>;
  /** `null`: nobody takes the messages. */
  handler?: ((message: Message) => unknown) | null;
  topics?: string[];
}

export class World {
  readonly time = new VirtualTime();
  readonly server = new Server(this.time);
  readonly random: () => number;
  readonly storage = new MapStorage();
  readonly #broadcasts = new Set<FakeBroadcast>();
  readonly locks = new FakeLocks(this.time);
  readonly #tabs: Tab[] = [];

  constructor(seed = 1) {
    this.random = seeded(seed);
  }

  /** Opens a client that keeps a record. Without `hasTabs` it is one of Node's. */
  open({ env: over, handler, topics = [], timing, ...options }: TabOptions = {}): Tab {
    let wake: (mayConnect: boolean) => void = () => {};
    let hide: () => void = () => {};
    const life = new Life();
    const cancels: (() => void)[] = [];
    const sockets: Socket[] = [];
    const env: Environment = {
      now: () => this.time.now,
      monotonic: () => this.time.now,
      after: (ms, action) => {
        let isCancelled = life.isDead;
        const isDue = () => life.run(() => isCancelled || action());
        const stop = this.time.after(ms, isDue);
        const cancel = () => {
          isCancelled = true;
          stop();
        };
        cancels.push(cancel);
        if (life.isDead) cancel();
        return cancel;
      },
      random: this.random,
      openSocket: (url, protocols) => {
        const socket = this.server.connect(url, protocols);
        sockets.push(socket);
        if (life.isDead) socket.close();
        return gated(socket, life);
      },
      onWake: (listener) => {
        wake = listener;
        return () => {};
      },
      onHide: (listener) => {
        hide = listener;
        return () => {};
      },
      report: () => {},
      hasTabs: false,
      locks: this.locks.of(life),
      openBroadcast: (name) => this.#openBroadcast(name, life),
      ...over,
    };
    const session = new Client(
      'wss://herald.test/prod',
      {
        token: () => tokenOf('alice'),
        deviceId: 'laptop',
        storage: this.storage,
        // Acks do not wait, so that a test can look at the server's cursor.
        timing: { ackBatch: 1, ...timing },
        ...options,
      },
      env,
    );
    const tab: Tab = {
      session,
      seen: [],
      statuses: [],
      errors: [],
      expired: [],
      resets: [],
      topics: topics.map((name) => ({ topic: session.topic(name), seen: [] })),
      wake: (mayConnect = true) => wake(mayConnect),
      hide: () => hide(),
      kill: () => {
        life.isDead = true;
        for (const cancel of cancels) cancel();
        for (const socket of sockets) socket.close();
        this.locks.forget(life);
      },
      freeze: () => life.freeze(),
      thaw: () => life.thaw(),
    };
    const handInto = (seen: number[]) => async (message: Message) => {
      if (life.isDead) await new Promise(() => {});
      await handler?.(message);
      if (life.isDead) await new Promise(() => {});
      seen.push(message.seq);
    };
    if (handler !== null) session.on('message', handInto(tab.seen));
    for (const { topic, seen } of tab.topics) {
      topic.on('message', handInto(seen));
      topic.on('reset', (event) => tab.resets.push(event));
    }
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

  #openBroadcast(name: string, life: Life): Broadcast {
    const broadcast = new FakeBroadcast(name, life, (data) => {
      for (const other of this.#broadcasts) {
        if (other === broadcast || other.name !== name || life.isDead) continue;
        const copy = structuredClone(data);
        this.time.after(1, () =>
          other.life.run(() => this.#broadcasts.has(other) && other.onmessage?.({ data: copy })),
        );
      }
    });
    this.#broadcasts.add(broadcast);
    broadcast.onclose = () => this.#broadcasts.delete(broadcast);
    return broadcast;
  }
}

/** Whether a tab runs. What happens to a frozen tab waits. */
class Life implements LockingTab {
  isDead = false;
  #waiting: (() => void)[] | undefined;

  run(action: () => void): void {
    if (this.#waiting) this.#waiting.push(action);
    else action();
  }

  freeze(): void {
    this.#waiting ??= [];
  }

  thaw(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const action of waiting) action();
  }
}

/** The socket as a tab sees it that may be frozen. */
function gated(socket: Socket, life: Life): Socket {
  const seen: Socket = {
    get readyState() {
      return socket.readyState;
    },
    onopen: null,
    onmessage: null,
    onerror: null,
    onclose: null,
    send: (text) => socket.send(text),
    close: () => socket.close(),
  };
  for (const name of ['onopen', 'onmessage', 'onerror', 'onclose'] as const) {
    socket[name] = (event) => life.run(() => seen[name]?.(event));
  }
  return seen;
}

class FakeBroadcast implements Broadcast {
  readonly name: string;
  readonly life: Life;
  readonly #post: (data: unknown) => void;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: () => void = () => {};

  constructor(name: string, life: Life, post: (data: unknown) => void) {
    this.name = name;
    this.life = life;
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

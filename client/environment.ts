/**
 * The only way to the world: the clock, chance, the network, the page and the other tabs. Tests and
 * simulations bring their own.
 */
import type { Timing } from './timing.ts';
import type { Options, Socket, SocketConstructor } from './types.ts';

export interface Environment {
  /** Wall clock, in epoch milliseconds: somebody may set it back. */
  now(): number;
  /** Milliseconds that never go back, for spans. They may stand still while the machine sleeps. */
  monotonic(): number;
  /** Returns how to cancel it: from then on it does not happen, not even if it is due. */
  after(ms: number, action: () => void): () => void;
  /** From 0 up to 1. */
  random(): number;
  openSocket(url: string, protocols: string[]): Socket;
  /**
   * Hears that the network came or went or the page was shown: time to look whether the connection
   * lives. `mayConnect`: an attempt has better chances than before.
   */
  onWake(listener: (mayConnect: boolean) => void): () => void;
  /** Hears that the page is hidden, or goes: the platform may end it without a word. */
  onHide(listener: () => void): () => void;
  /** What nobody listens to. */
  report(error: unknown): void;
  /** Whether other tabs or workers may share the storage. */
  hasTabs: boolean;
  /** Undefined: the platform lacks it. */
  locks: Locks | undefined;
  /** Undefined: the platform lacks it. */
  openBroadcast: ((name: string) => Broadcast) | undefined;
}

/** The environment and the times to go by: what every part is given. */
export interface World extends Environment {
  timing: Timing;
}

/** What of the Web Locks API is used. */
export interface Locks {
  request(name: string, options: LockOptions, held: () => Promise<void>): Promise<unknown>;
}

/**
 * `steal` takes the lock from whoever holds it: the holder's request then rejects. The two exclude
 * each other.
 */
export type LockOptions = { signal: AbortSignal } | { steal: true };

/** What of a BroadcastChannel is used. */
export interface Broadcast {
  onmessage: ((event: { data: unknown }) => void) | null;
  postMessage(data: unknown): void;
  close(): void;
}

interface Page {
  WebSocket?: SocketConstructor;
  BroadcastChannel?: new (name: string) => Broadcast;
  navigator?: { locks?: Locks };
  document?: { visibilityState: string };
  WorkerGlobalScope?: unknown;
  addEventListener?(name: string, listener: (event: { type: string }) => void): void;
  removeEventListener?(name: string, listener: (event: { type: string }) => void): void;
}

const WAKING = ['online', 'offline', 'pageshow', 'visibilitychange'];
const HIDING = ['pagehide', 'visibilitychange'];

export function platform({ WebSocket }: Pick<Options, 'WebSocket'>): Environment {
  const page = globalThis as unknown as Page;
  const { BroadcastChannel } = page;
  const SocketClass = WebSocket ?? page.WebSocket;
  if (!SocketClass) throw new TypeError('WebSocket: this platform has none, expected one in the options');
  const isHidden = () => page.document?.visibilityState === 'hidden';
  const listenTo = (names: string[], listener: (type: string) => void) => {
    const hear = ({ type }: { type: string }) => listener(type);
    for (const name of names) page.addEventListener?.(name, hear);
    return () => {
      for (const name of names) page.removeEventListener?.(name, hear);
    };
  };
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after: (ms, action) => {
      const timer = setTimeout(action, ms);
      return () => clearTimeout(timer);
    },
    random: () => Math.random(),
    openSocket: (url, protocols) => new SocketClass(url, protocols),
    onWake: (listener) =>
      listenTo(WAKING, (type) => {
        if (type !== 'visibilitychange' || !isHidden()) listener(type !== 'offline');
      }),
    onHide: (listener) =>
      listenTo(HIDING, (type) => {
        if (type !== 'visibilitychange' || isHidden()) listener();
      }),
    report: (error) => console.error(error),
    hasTabs: (page.document ?? page.WorkerGlobalScope) !== undefined,
    locks: page.navigator?.locks,
    openBroadcast: BroadcastChannel && ((name) => new BroadcastChannel(name)),
  };
}

/**
 * Every duration and bound the client goes by, with the reasons for its values, and the timers that
 * run on them.
 */
import type { Environment, World } from './environment.ts';

export interface Timing {
  /**
   * How long a missing seq may be on its way before it is asked for; doubles while asking brings
   * nothing.
   */
  gapMs: number;
  /** How long a tab waits before it tells the leading tab what it has finished. */
  ackDelayMs: number;
  /** Acks wait for the next ping, or for so many messages, or for so much (UTF-16 units). */
  ackBatch: number;
  ackBytes: number;
  /** API Gateway closes after 10 minutes without a frame. */
  pingEveryMs: number;
  /**
   * Interval of the liveness check. If a check comes more than three intervals late the machine
   * slept, so the connection is probed. (Browsers throttle hidden tabs to once a minute, below this
   * bound.)
   */
  tickMs: number;
  /**
   * A connection that answers a ping with nothing for this long is dead. A request that is not
   * answered for this long is sent again, with a ping.
   */
  probeTimeoutMs: number;
  /**
   * Deadline for each of: the token, the handshake (API Gateway gives it 29 s), the `ready` frame,
   * the answer to a subscribe, the next frame of a replay.
   */
  connectTimeoutMs: number;
  /**
   * Bounds of the back-off between attempts of anything. A connection that outlives `backoffCapMs`
   * proves that the server is well.
   */
  backoffBaseMs: number;
  backoffCapMs: number;
  /**
   * API Gateway closes every connection after two hours: at this age, or up to 7 % later, it is
   * replaced.
   */
  handoverAfterMs: number;
  /** How long `publish()` and `send()` wait for a connection and the server's answer. */
  requestTimeoutMs: number;
  /** How often a handler is called for one message. */
  handlerTries: number;
  /** How long `close()` waits for a handler. */
  closeTimeoutMs: number;
  /** An asynchronous storage that takes longer counts as failed. */
  storageTimeoutMs: number;
  /**
   * How often a tab looks whether the leading tab has said anything. After two silent intervals it
   * asks, after four it takes the lead.
   */
  leaderTickMs: number;
  /**
   * How long tabs without a lock wait, at least, for another tab's objection before one of them
   * leads; and how long a tab that made up a device id waits, in case another tab makes one too.
   */
  electionMs: number;
  /**
   * Messages not yet handled, in UTF-16 units of their frames; at least twice a replay window of
   * 512 KB.
   */
  maxBuffered: number;
}

const MINUTE_MS = 60_000;

export const DEFAULT_TIMING: Timing = {
  gapMs: 250,
  ackDelayMs: 250,
  ackBatch: 50,
  ackBytes: 256 * 1024,
  pingEveryMs: 9 * MINUTE_MS,
  tickMs: 30_000,
  probeTimeoutMs: 5000,
  connectTimeoutMs: 30_000,
  backoffBaseMs: 500,
  backoffCapMs: 30_000,
  handoverAfterMs: 110 * MINUTE_MS,
  requestTimeoutMs: 30_000,
  handlerTries: 5,
  closeTimeoutMs: 1000,
  storageTimeoutMs: 3000,
  leaderTickMs: 2000,
  electionMs: 250,
  maxBuffered: 1024 * 1024,
};

/** Beyond 2^31 ms a platform's timer goes off at once: some of these are doubled. */
const MAX_TIMING = 1e9;

/**
 * The defaults, but for what is given. Throws a TypeError for what is no time and no bound: with
 * it, a client could connect again and again without a pause.
 */
export function timingOf(given: Partial<Timing> = {}): Timing {
  const timing = { ...DEFAULT_TIMING };
  for (const name of Object.keys(timing) as (keyof Timing)[]) {
    const value = given[name] ?? timing[name];
    if (!(value >= 0 && value <= MAX_TIMING)) throw new TypeError(`timing.${name}: expected 0 to 1e9`);
    timing[name] = value;
  }
  return timing;
}

/**
 * The timers of one client. `end` cancels all of them, and none is set after it: a closed client
 * does nothing more, and does not keep a program alive. Example: the app's token function never
 * answers, and its deadline is 30 s away.
 */
export function lifetime(after: Environment['after']): { after: Environment['after']; end(): void } {
  const cancels = new Set<() => void>();
  let set = after;
  return {
    after: (ms, action) => {
      const forget = set(ms, () => {
        cancels.delete(cancel);
        action();
      });
      const cancel = () => {
        cancels.delete(cancel);
        forget();
      };
      cancels.add(cancel);
      return cancel;
    },
    end: () => {
      set = () => () => {};
      for (const cancel of cancels) cancel();
    },
  };
}

/** One action to happen later, at most: setting the timer again replaces the action. */
export class Timer {
  readonly #world: World;
  #cancel: (() => void) | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  get isSet(): boolean {
    return this.#cancel !== undefined;
  }

  set(ms: number, action: () => void): void {
    this.cancel();
    this.#cancel = this.#world.after(ms, () => {
      this.#cancel = undefined;
      action();
    });
  }

  cancel(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

/** Back-off with full jitter: anywhere from 0 up to a bound that doubles with every attempt. */
export const jitter = ({ random, timing }: World, attempt: number): number =>
  random() * Math.min(timing.backoffCapMs, timing.backoffBaseMs * 2 ** attempt);

/** Settles as the work does, or rejects after `ms`: what is not ours may never answer. */
export async function within<Value>(world: World, ms: number, work: Value): Promise<Awaited<Value>> {
  // What is already here needs no timer. Example: `localStorage`, twice for each message.
  if (typeof (work as PromiseLike<unknown> | undefined)?.then !== 'function') return await work;
  const timer = new Timer(world);
  const tooLate = new Promise<never>((_, reject) => {
    timer.set(ms, () => reject(new Error(`no answer in ${ms} ms`)));
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    timer.cancel();
  }
}

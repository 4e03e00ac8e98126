/** Time that passes only when a test lets it, so that two hours take milliseconds and every run is the same. */

interface Timer {
  at: number;
  order: number;
  action: () => void;
}

export class VirtualTime {
  now = 1_795_939_441_798;
  #timers: Timer[] = [];
  #order = 0;

  readonly after = (ms: number, action: () => void): (() => void) => {
    const timer = { at: this.now + Math.max(0, ms), order: this.#order++, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  get pending(): number {
    return this.#timers.length;
  }

  /** Lets time pass until the condition holds; throws when it does not within the deadline, or nothing is going to happen. */
  async until(isSo: () => boolean, expectation: string, deadlineMs = 60_000): Promise<void> {
    const deadlineAt = this.now + deadlineMs;
    await settle();
    while (!isSo()) {
      if (!(await this.#step(deadlineAt))) throw new Error(`not within ${deadlineMs} ms: ${expectation}`);
    }
  }

  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    await settle();
    while (await this.#step(end));
    this.now = end;
  }

  /** A computer that sleeps: time passes and no timer fires meanwhile. */
  async oversleep(ms: number): Promise<void> {
    await settle();
    this.now += ms;
    await settle();
  }

  async #step(end: number): Promise<boolean> {
    const next = this.#timers.reduce<Timer | undefined>(
      (first, timer) =>
        first && (first.at < timer.at || (first.at === timer.at && first.order < timer.order))
          ? first
          : timer,
      undefined,
    );
    if (next === undefined || next.at > end) return false;
    this.#timers = this.#timers.filter((timer) => timer !== next);
    this.now = Math.max(this.now, next.at);
    next.action();
    await settle();
    return true;
  }
}

/** Everything that promises have to do is done. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Chance that can be repeated (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

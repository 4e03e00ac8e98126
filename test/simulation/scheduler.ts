/**
 * Virtual time on one thread. Nothing in the simulated world waits for anything but an event of this queue, so the seed, which
 * draws every delay, decides what happens next at every `await`.
 */

interface Event {
  at: number;
  order: number;
  run: () => void;
}

export class Scheduler {
  now: number;
  steps = 0;
  /** A binary heap, earliest first; events of one instant in the order they were planned. */
  readonly #heap: Event[] = [];
  #order = 0;

  constructor(startAt: number) {
    this.now = startAt;
  }

  /** Runs `run` after a delay; the result takes it back. */
  after(delayMs: number, run: () => void): () => void {
    const event: Event = { at: this.now + Math.max(0, delayMs), order: this.#order++, run };
    this.#push(event);
    return () => {
      event.run = () => {};
    };
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** Takes events, one at a time, up to an instant; between two of them every promise that can settle does. */
  async runUntil(instant: number, maxSteps: number, isOver: () => boolean): Promise<void> {
    await repeatedly(() => {
      const event = this.#heap[0];
      if (isOver() || event === undefined || event.at > instant) return false;
      this.#pop();
      this.now = event.at;
      event.run();
      if (++this.steps > maxSteps)
        throw new Error(`the world does not come to rest within ${maxSteps} steps`);
      return true;
    });
    if (!isOver()) this.now = instant;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(event, heap[parent])) break;
      heap[index] = heap[parent] as Event;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child += 1;
      if (!before(heap[child], last)) break;
      heap[index] = heap[child] as Event;
      index = child;
    }
    heap[index] = last;
  }
}

const before = (one: Event | undefined, other: Event | undefined): boolean =>
  one !== undefined &&
  (other === undefined || one.at < other.at || (one.at === other.at && one.order < other.order));

/** Immediates of one round of Node's event loop, which costs more than a step. */
const STEPS_OF_A_ROUND = 64;

/**
 * Takes steps until one returns false. Node runs an immediate only when no promise callback is left:
 * each step finds that what the one before has settled has gone as far as it can.
 */
function repeatedly(step: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const next = () => {
      if (isOver) return;
      try {
        isOver = !step();
        if (isOver) resolve();
      } catch (error) {
        isOver = true;
        reject(error);
      }
    };
    const round = () => {
      for (let count = 1; count < STEPS_OF_A_ROUND; count++) setImmediate(next);
      setImmediate(() => {
        next();
        if (!isOver) round();
      });
    };
    round();
  });
}

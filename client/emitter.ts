/** Tells listeners what happened. A listener that fails harms neither the others nor us. */
import type { Environment } from './environment.ts';
import type { Events, HeraldError } from './types.ts';

/** Messages are not told but handed out one by one, by the dispatcher. */
type Told = Omit<Events, 'message'>;

export class Emitter {
  readonly #listeners = new Map<string, Set<(event: never) => unknown>>();
  readonly #report: Environment['report'];
  readonly #unheard: (error: HeraldError) => void;

  /** `unheard`: gets the errors that nobody listens to. */
  constructor(report: Environment['report'], unheard: (error: HeraldError) => void = report) {
    this.#report = report;
    this.#unheard = unheard;
  }

  /** Returns how to stop listening. */
  add(name: string, listener: (event: never) => unknown): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  emit<Name extends keyof Told>(name: Name, event: Told[Name]): void {
    const listeners = this.#listeners.get(name) ?? new Set();
    if (name === 'error' && listeners.size === 0) this.#unheard(event as HeraldError);
    for (const listener of listeners) {
      Promise.resolve(event as never)
        .then(listener)
        .catch(this.#report);
    }
  }
}

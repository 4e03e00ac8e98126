/** Web Locks in virtual time: one holder at a time, a queue, and `steal`. */
import type { LockOptions, Locks } from '../../client/environment.ts';
import type { VirtualTime } from './virtual-time.ts';

interface Request {
  /** The tab whose request it is. */
  tab: LockingTab;
  grant(): void;
  /** The lock was stolen. */
  lose(): void;
}

export interface LockingTab {
  readonly isDead: boolean;
  /** Runs what the browser does for the tab, when the tab runs. */
  run(action: () => void): void;
}

export class FakeLocks {
  readonly #time: VirtualTime;
  readonly #held = new Map<string, Request>();
  #queue: [string, Request][] = [];

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** As the tab sees them. */
  of(tab: LockingTab): Locks {
    return { request: (name, options, held) => this.#request(tab, name, options, held) };
  }

  /** The browser takes back what a dead tab has and wants. */
  forget(tab: LockingTab): void {
    this.#queue = this.#queue.filter(([, request]) => request.tab !== tab);
    for (const [name, request] of this.#held) if (request.tab === tab) this.#release(name, request);
  }

  #request(tab: LockingTab, name: string, options: LockOptions, held: () => Promise<void>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const request: Request = {
        tab,
        grant: () => {
          this.#held.set(name, request);
          this.#time.after(1, () =>
            tab.run(() => {
              if (this.#held.get(name) === request)
                void held().then(() => this.#release(name, request, resolve));
            }),
          );
        },
        lose: () => tab.run(() => reject(new Error('stolen'))),
      };
      const leaveQueue = () => {
        this.#queue = this.#queue.filter(([, other]) => other !== request);
        if ('signal' in options) reject(options.signal.reason);
      };
      if ('signal' in options) options.signal.addEventListener('abort', leaveQueue);
      else this.#held.get(name)?.lose();
      if (tab.isDead) return;
      if (this.#held.has(name) && 'signal' in options) this.#queue.push([name, request]);
      else request.grant();
    });
  }

  #release(name: string, request: Request, resolve?: (value: unknown) => void): void {
    resolve?.(undefined);
    if (this.#held.get(name) !== request) return;
    this.#held.delete(name);
    const next = this.#queue.find(([wanted]) => wanted === name);
    if (!next) return;
    this.#queue = this.#queue.filter((other) => other !== next);
    next[1].grant();
  }
}

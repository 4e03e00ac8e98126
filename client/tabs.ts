/**
 * Makes the tabs of a browser one device. A lock elects the leader, which alone connects and tells the
 * others all that is delivered; each tab orders and surfaces it for itself. When the leader goes, the
 * browser gives the lock to another tab.
 */
import type { Delivery } from './delivery.ts';
import type { Broadcast, Locks } from './environment.ts';
import type { Status } from './types.ts';

/** What tabs say to each other. The leader: deliveries and its status. The others: that they came, and what they miss. */
export type TabMessage =
  | Delivery
  | { event: 'status'; status: Status }
  | { event: 'hello' }
  | { event: 'sync'; after: number };

export interface TabsEvents {
  /** This tab is the leader from now on. */
  becomeLeader(): void;
  onTabMessage(message: TabMessage): void;
}

export class Tabs {
  readonly #broadcast: Broadcast;
  readonly #quit = new AbortController();
  #release: () => void = () => {};

  constructor(broadcast: Broadcast, locks: Locks, name: string, events: TabsEvents) {
    this.#broadcast = broadcast;
    broadcast.onmessage = ({ data }) => events.onTabMessage(data as TabMessage);
    this.say({ event: 'hello' });
    const { signal } = this.#quit;
    const left = () => {};
    // The lock is held until this tab leaves, or the browser closes the tab.
    const held = new Promise<void>((resolve) => {
      this.#release = resolve;
    });
    const take = () => {
      if (!signal.aborted) events.becomeLeader();
      return held;
    };
    void locks.request(name, { signal }, take).then(left, left);
  }

  say(message: TabMessage): void {
    if (!this.#quit.signal.aborted) this.#broadcast.postMessage(message);
  }

  leave(): void {
    this.#quit.abort();
    this.#broadcast.close();
    this.#release();
  }
}

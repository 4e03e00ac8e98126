/**
 * Makes the tabs of a browser one device. A lock elects the leader, which alone connects and tells the others all that is delivered;
 * each tab orders and surfaces it for itself. When the leader goes, the browser gives the lock to another.
 */
import type { Channel, Locks } from './environment.ts';
import type { Delivery } from './receiver.ts';
import type { Status } from './types.ts';

/** What the tabs say to each other. The leader: deliveries and its status. The others: that they came, and what they miss. */
export type Word =
  | Delivery
  | { event: 'status'; status: Status }
  | { event: 'hello' }
  | { event: 'sync'; after: number };

export class Tabs {
  readonly #channel: Channel;
  readonly #quit = new AbortController();
  #release: () => void = () => {};

  /** `lead`: this tab is the leader from now on. */
  constructor(channel: Channel, locks: Locks, name: string, lead: () => void, hear: (word: Word) => void) {
    this.#channel = channel;
    channel.onmessage = ({ data }) => hear(data as Word);
    this.say({ event: 'hello' });
    const { signal } = this.#quit;
    const left = () => {};
    // The lock is held until we leave, or the browser closes the tab.
    const held = new Promise<void>((resolve) => {
      this.#release = resolve;
    });
    const take = () => {
      if (!signal.aborted) lead();
      return held;
    };
    void locks.request(name, { signal }, take).then(left, left);
  }

  say(word: Word): void {
    if (!this.#quit.signal.aborted) this.#channel.postMessage(word);
  }

  leave(): void {
    this.#quit.abort();
    this.#channel.close();
    this.#release();
  }
}

/**
 * Makes the tabs of a browser one device. One tab leads: it alone connects, and tells the others
 * all that is delivered; each tab orders and surfaces it for itself.
 *
 * - A lock elects the leader. When the leader goes, the browser gives the lock to the tab that
 *   waits longest.
 * - A leader that is silent is asked (`hello`), which it answers at once from an event, since
 *   browsers slow down the timers of hidden tabs. If it stays silent, another tab takes the lock
 *   from it. Example: an `alert()` is open in the leading tab.
 * - Where there is no lock (plain http, a sandboxed frame), or none is given, silence alone
 *   decides.
 * - Two leaders at once do no harm, as each delivers what the server says. Of the two, the later
 *   one stays, as of two connections of one device the server keeps the later.
 */
import type { ErrorFrame } from '../lambdas/protocol/frames.ts';
import type { Ack } from './acks.ts';
import type { Delivery } from './delivery.ts';
import type { Broadcast, Locks, World } from './environment.ts';
import type { Mark, ReadFrame } from './inbox/inbox-frames.ts';
import type { Answer, RequestFrame } from './requests.ts';
import { Timer } from './timing.ts';
import type { Status } from './types.ts';

/** What the leader says: all that is delivered, what the server says, and its status. */
export type LeaderMessage =
  | FromServer
  /** `since`: when it became the leader. */
  | { event: 'status'; status: Status; since?: number };

export type FromServer =
  | Delivery
  | ReadFrame
  /** The topics that the server lets the user hear by itself. */
  | { event: 'given'; channels: string[] }
  | { event: 'refused'; channel: string; code: string; message: string }
  | { event: 'answer'; frame: Answer | ErrorFrame };

/** What the others say: what they listen to, miss, have finished, and ask. */
export type FollowerMessage =
  | { event: 'hello' }
  /** All channels that are listened to in a tab. */
  | { event: 'use'; tab: string; channels: string[] }
  | { event: 'sync'; channel: string; after: number }
  /** `isUrgent`: the acks are not to wait. */
  | { event: 'finished'; acks: Ack[]; isUrgent?: boolean }
  | { event: 'request'; frame: RequestFrame; isAgain: boolean };

export type TabMessage = LeaderMessage | FollowerMessage | Marked | { event: 'left' };

/** The user has marked messages of the inbox, in whichever tab. */
type Marked = { event: 'marked'; marks: Mark[] };

/** What tabs need of their client. */
export interface TabsHost {
  becomeLeader(): void;
  /** Another tab leads from now on. */
  loseLead(): void;
  onLeader(message: LeaderMessage): void;
  onFollower(message: FollowerMessage): void;
  onMarks(marks: Mark[]): void;
}

/** Silent intervals before a tab asks the leader, and before it takes the lead. */
const ASK_AFTER = 2;
const TAKE_AFTER = 4;

export class Tabs {
  readonly #world: World;
  readonly #broadcast: Broadcast;
  readonly #name: string;
  readonly #host: TabsHost;
  readonly #timer: Timer;
  #locks: Locks | undefined;
  /** Withdraws the request for the lock, or releases it. */
  #release: () => void = () => {};
  /** When this tab became the leader. */
  #since: number | undefined;
  /** Of the latest leader heard. */
  #latest = 0;
  #silentTicks = 0;
  #hasLeft = false;

  constructor(world: World, broadcast: Broadcast, name: string, host: TabsHost) {
    this.#world = world;
    this.#broadcast = broadcast;
    this.#name = name;
    this.#host = host;
    this.#timer = new Timer(world);
    this.#locks = world.locks;
    broadcast.onmessage = ({ data }) => this.#hear(data as TabMessage);
    this.#follow();
    if (!this.#locks) this.#stand();
  }

  say(message: TabMessage): void {
    const isStatus = message.event === 'status' && this.#since !== undefined;
    if (!this.#hasLeft) this.#broadcast.postMessage(isStatus ? { ...message, since: this.#since } : message);
  }

  /** Lets another tab lead, if there is one. */
  yield(): void {
    this.say({ event: 'left' });
    this.#follow();
    if (!this.#locks) this.#stand(3);
  }

  leave(): void {
    this.say({ event: 'left' });
    this.#hasLeft = true;
    this.#since = undefined;
    this.#timer.cancel();
    this.#release();
    this.#broadcast.close();
  }

  /** Listens to the leader, and waits for the lock behind the tabs that have waited longer. */
  #follow(): void {
    this.#since = undefined;
    this.#silentTicks = 0;
    this.say({ event: 'hello' });
    this.#listen();
    if (this.#locks) void this.#request(false);
  }

  #listen(ms = this.#world.timing.leaderTickMs): void {
    this.#timer.set(ms, () => {
      this.#silentTicks += 1;
      const mayTake = this.#silentTicks >= TAKE_AFTER;
      // A request for the lock that is not even answered counts as no lock.
      if (mayTake && (!this.#locks || this.#silentTicks > TAKE_AFTER)) return this.#lead();
      if (mayTake) void this.#request(true);
      else if (this.#silentTicks >= ASK_AFTER) this.say({ event: 'hello' });
      this.#listen();
    });
  }

  /**
   * Without a lock: leads unless a leader is heard soon. Those with more patience let others go
   * first.
   */
  #stand(patience = 1): void {
    this.#silentTicks = TAKE_AFTER - 1;
    this.#listen(this.#world.timing.electionMs * (patience + this.#world.random()));
  }

  async #request(steal: boolean): Promise<void> {
    this.#release();
    const controller = new AbortController();
    const { signal } = controller;
    this.#release = () => controller.abort();
    // The lock is held until it is released, or the browser closes the tab.
    const hold = () =>
      new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve());
        if (signal.aborted) resolve();
        else this.#lead();
      });
    try {
      // Not before the next turn: whoever makes these tabs must know them before the first event.
      await undefined;
      if (!signal.aborted) await this.#locks?.request(this.#name, steal ? { steal } : { signal }, hold);
    } catch {
      if (signal.aborted) return;
      if (this.#since !== undefined) return this.#lose();
      this.#locks = undefined;
      this.#stand();
    }
  }

  #lead(): void {
    if (this.#since !== undefined) return;
    this.#timer.cancel();
    this.#since = Math.max(this.#world.now(), this.#latest) + this.#world.random();
    this.#host.becomeLeader();
  }

  #lose(): void {
    this.#follow();
    this.#host.loseLead();
  }

  #hear(message: TabMessage): void {
    switch (message.event) {
      case 'left':
        if (!this.#locks && this.#since === undefined) this.#stand();
        return;
      case 'marked':
        this.#host.onMarks(message.marks);
        return;
      case 'hello':
      case 'use':
      case 'sync':
      case 'finished':
      case 'request':
        this.#host.onFollower(message);
        return;
      default:
        this.#hearLeader(message);
    }
  }

  #hearLeader(message: LeaderMessage): void {
    this.#silentTicks = 0;
    if (message.event === 'status') {
      const { since = 0 } = message;
      this.#latest = Math.max(this.#latest, since);
      if (this.#since !== undefined && since > this.#since) this.#lose();
    }
    if (this.#since === undefined) this.#host.onLeader(message);
  }
}

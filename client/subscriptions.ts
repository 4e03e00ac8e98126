/**
 * Subscribes the device to the channels that its tabs listen to, and unsubscribes it from those
 * that no tab does any more: compares what is wanted with what the connection hears (reconcile).
 */
import type { SubscribedFrame } from '../lambdas/protocol/frames.ts';
import type { Channels } from './channels.ts';
import type { ConnectionManager } from './connection-manager.ts';
import type { Deliveries } from './deliveries.ts';
import type { Answer } from './requests.ts';
import type { HeraldError, Position } from './types.ts';

/** What subscriptions need of their client. */
export interface SubscriptionsHost {
  readonly channels: Channels;
  /** There is a connection, and it is this tab's. */
  readonly hasConnection: boolean;
  readonly manager: ConnectionManager;
  ask(frame: { action: 'subscribe' | 'unsubscribe'; [field: string]: unknown }): Promise<Answer>;
  readonly deliveries: Deliveries;
}

export class Subscriptions {
  readonly #host: SubscriptionsHost;
  /** The channels that tabs listen to, by the tab's name. */
  readonly #uses = new Map<string, Set<string>>();
  /** Of these the server is asked at the moment. */
  readonly #asking = new Set<string>();

  constructor(host: SubscriptionsHost) {
    this.#host = host;
  }

  /** Each tab tells anew what it listens to. */
  clear(): void {
    this.#uses.clear();
  }

  /** All that a tab listens to. */
  note(tab: string, channels: string[]): void {
    const before = this.#uses.get(tab) ?? [];
    this.#uses.set(tab, new Set(channels));
    for (const channel of [...before, ...channels]) void this.reconcile(channel);
  }

  /** Subscribes or unsubscribes step by step: each step waits for the server's answer. */
  async reconcile(channel: string): Promise<void> {
    const { channels, manager, hasConnection } = this.#host;
    this.#host.deliveries.introduce(channel);
    const subscription = manager.subscription(channel);
    const isWanted = this.#isWanted(channel);
    const { position } = channels.get(channel) ?? {};
    const { epoch, isGiven, givenFrom = 0 } = subscription ?? {};
    // The server begins the topic further on than our position: the storage has lost something, or
    // the user left and joined again. A `subscribe` that names our position finds out which.
    const isBehind = position?.epoch === epoch && (position?.seq ?? 0) < givenFrom;
    if (this.#asking.has(channel) || !hasConnection) return;
    if (isWanted ? subscription && !isBehind : !subscription || isGiven) return;
    this.#asking.add(channel);
    try {
      await (isWanted ? this.#subscribe(channel) : this.#unsubscribe(channel));
    } catch (error) {
      this.#refuse(channel, error as HeraldError);
    }
    this.#asking.delete(channel);
    await this.reconcile(channel);
  }

  /**
   * The connection no longer hears the channel. If a tab still wants it, the server took it away (a
   * member was removed), and we subscribe: the token may allow it.
   */
  left(channel: string): void {
    if (this.#isWanted(channel)) void this.reconcile(channel);
    else this.#host.channels.drop(channel);
  }

  #isWanted(channel: string): boolean {
    return [...this.#uses.values()].some((channels) => channels.has(channel));
  }

  /**
   * The server refused a subscribe or unsubscribe: nobody asks again until somebody listens anew.
   * After `timeout` or `closed` the server has not refused, so `reconcile` asks again.
   */
  #refuse(channel: string, { code, message }: HeraldError): void {
    if (code === 'timeout' || code === 'closed') return;
    for (const channels of this.#uses.values()) channels.delete(channel);
    this.#host.deliveries.pass({ event: 'refused', channel, code, message });
  }

  /**
   * Says where this device stands. If the server answers that it begins further on, what lies
   * before was published before the user joined, or joined again, and is not for this user.
   */
  async #subscribe(channel: string): Promise<void> {
    const { position } = await this.#host.channels.load(channel);
    const { epoch, seq: after }: Partial<Position> = position ?? {};
    const answer = await this.#host.ask({ action: 'subscribe', channel, after, epoch });
    const { epoch: present, cursor: through } = answer as SubscribedFrame;
    if (epoch !== present || after === undefined || through <= after) return;
    const nothing = { after: 0, from: 0, messages: [], expired: 0, size: 0, more: false };
    this.#host.deliveries.pass({ event: 'replay', channel, epoch, through, ...nothing });
  }

  async #unsubscribe(channel: string): Promise<void> {
    await this.#host.channels.settled(channel);
    await this.#host.ask({ action: 'unsubscribe', channel });
  }
}

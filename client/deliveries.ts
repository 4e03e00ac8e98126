/**
 * Takes what the server says, from this tab's connection or from the tab that leads, and hands it
 * to the channels, the inbox and the requests of this tab. Tells a tab that comes later what was
 * said before.
 */
import type { Channels } from './channels.ts';
import type { Started } from './delivery.ts';
import type { ReadFrame } from './inbox/inbox-frames.ts';
import type { InboxPart } from './inbox/part.ts';
import { type Requests, refused } from './requests.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { FromServer, TabMessage } from './tabs.ts';

/** What deliveries need of their client. */
export interface DeliveriesHost {
  readonly channels: Channels;
  readonly subscriptions: Subscriptions;
  readonly requests: Requests;
  /** Undefined: the app has not asked for one. */
  readonly inboxPart: InboxPart | undefined;
  readonly isClosed: boolean;
  /** Tells the other tabs, if there are some. */
  say(message: TabMessage): void;
  /** Tells which channels are listened to in this tab. */
  tellUses(): void;
}

export class Deliveries {
  readonly #host: DeliveriesHost;
  /** The topics that the server lets the user hear by itself. */
  #given = new Set<string>();
  /** The newest read state that was told, for a tab that comes later. */
  #read: ReadFrame | undefined;

  constructor(host: DeliveriesHost) {
    this.#host = host;
  }

  /**
   * This tab's connection hears a channel; that of the user's own channel comes first. Resolves
   * when the deliveries that follow can be taken. True: the numbering began anew.
   */
  async begin(start: Started): Promise<boolean> {
    this.#nameOwn(start.channel);
    const channel = await this.#host.channels.load(start.channel);
    if (this.#host.isClosed) return false;
    const isAnew = channel.begin(start);
    this.introduce(start.channel, start);
    this.#begun(start);
    void this.#host.subscriptions.reconcile(start.channel);
    return isAnew;
  }

  /** For all tabs, this one too. */
  pass(message: FromServer): void {
    this.#host.say(message);
    this.take(message);
  }

  /** A tab that was not told yet where a channel begins cannot take what belongs to it. */
  take(message: FromServer): void {
    const { channels, requests, inboxPart } = this.#host;
    switch (message.event) {
      case 'ready':
        this.#nameOwn(message.channel);
        if (channels.isHeard(message.channel)) channels.open(message.channel).take(message);
        this.#begun(message);
        break;
      case 'given':
        this.#changeGiven(message.channels);
        break;
      case 'refused':
        if (channels.isHeard(message.channel)) {
          channels.audience(message.channel).refuse(refused(message.code, message.message));
          this.#host.tellUses();
        }
        break;
      case 'answer':
        requests.answer(message.frame);
        break;
      default:
        if (message.channel === channels.ownName) inboxPart?.take(message);
        if (message.event === 'read') this.#noteRead(message);
        else channels.get(message.channel)?.take(message);
    }
  }

  /** This tab or the leading tab has a new connection: each tab tells anew what it listens to. */
  #begun(start: Started): void {
    const { channels, inboxPart, requests, subscriptions } = this.#host;
    if (start.channel !== channels.ownName) return;
    inboxPart?.take(start);
    if (!start.isOverlapping) requests.resend();
    subscriptions.clear();
    this.#host.tellUses();
  }

  /** Another user's channel replaces the channel so far, whose messages are not for this user. */
  #nameOwn(channel: string): void {
    const { channels, inboxPart } = this.#host;
    if (!channel.startsWith('user:') || channel === channels.ownName) return;
    channels.dropAll();
    channels.ownName = channel;
    inboxPart?.open(channel);
  }

  #noteRead(read: ReadFrame): void {
    if (read.epoch !== this.#read?.epoch || read.version >= this.#read.version) this.#read = read;
  }

  #changeGiven(channels: string[]): void {
    const { own } = this.#host.channels;
    const before = this.#given;
    const given = new Set(channels);
    this.#given = given;
    const named = (channel: string) => ({ channel, topic: channel.slice('topic:'.length) });
    for (const channel of before)
      if (!given.has(channel)) own.emit('unsubscribed', { ...named(channel), code: 'removed' });
    for (const channel of given) if (!before.has(channel)) own.emit('subscribed', named(channel));
  }

  /** To a tab that has come: what is known of the user's own channel. */
  introduceOwn(): void {
    const { channels, inboxPart } = this.#host;
    const { ownName } = channels;
    this.introduce(ownName);
    if (channels.get(ownName)) this.#host.say({ event: 'given', channels: [...this.#given] });
    if (this.#read && this.#read.channel === ownName) this.#host.say(this.#read);
    inboxPart?.greet();
  }

  /** The other tabs begin where the device stands, unless they have come further. */
  introduce(channel: string, start?: Started): void {
    const { finished, position, known } = this.#host.channels.get(channel) ?? {};
    if (!finished || !position) return;
    const { epoch, seq: cursor } = position;
    const { head = known ?? 0, isOverlapping = true, read } = start ?? {};
    this.#host.say({ event: 'ready', channel, epoch, cursor, head, isOverlapping, read });
  }
}

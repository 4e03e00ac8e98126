/**
 * What a device hears besides its own user: everyone, the topics it joined, and those of which its user is a member. What it joined
 * is kept over reloads, as its positions are.
 */
import type { Herald, HeraldError, Message, Topic } from '../../../client/index.ts';
import { EVERYONE } from '../../../lambdas/protocol/channel.ts';
import type { Channels } from './channel.ts';
import { Hearing } from './hearing.ts';

/** Why it hears a channel. */
export type Why = 'everyone' | 'joined' | 'member';

/** What the devices of the page share. */
export interface Surroundings {
  channels: Channels;
  /** The stack has a channel of everyone. */
  hasEveryone: boolean;
}

export interface ListeningHost {
  deviceId: string;
  surroundings: Surroundings;
  changed(): void;
  got(hearing: Hearing, message: Message): void;
}

/** Errors that are no answer of the server to a subscription. */
const OTHER_CODES = ['handler', 'storage', 'closed'];

export class Listening {
  readonly #host: ListeningHost;
  /** By name, also of channels that it no longer hears. */
  readonly #hearings = new Map<string, Hearing>();
  /** What its client listens to, by the channel's name. */
  readonly #topics = new Map<string, Topic>();
  readonly #joined: Set<string>;
  readonly #memberships = new Set<string>();
  readonly #refusals = new Map<string, string>();
  #herald: Herald | undefined;

  constructor(host: ListeningHost) {
    this.#host = host;
    this.#joined = new Set(JSON.parse(localStorage.getItem(this.#storageKey) ?? '[]') as string[]);
  }

  /** The device has another client from now on. */
  attach(herald: Herald): void {
    this.#herald = herald;
    this.#topics.clear();
    this.#memberships.clear();
    herald.on('subscribed', ({ channel, topic }) => {
      this.#memberships.add(channel);
      this.#hear(herald.topic(topic));
    });
    herald.on('unsubscribed', ({ channel }) => {
      this.#memberships.delete(channel);
      if (!this.#joined.has(channel)) this.#stop(channel);
    });
    if (this.#host.surroundings.hasEveryone) this.#hear(herald.everyone);
    for (const channel of this.#joined) this.#hear(herald.topic(topicOf(channel)));
  }

  join(channel: string): void {
    this.#joined.add(channel);
    this.#keepJoined();
    if (this.#herald) this.#hear(this.#herald.topic(topicOf(channel)));
  }

  /** A member goes on hearing it. */
  leave(channel: string): void {
    this.#joined.delete(channel);
    this.#keepJoined();
    if (!this.#memberships.has(channel)) this.#stop(channel);
  }

  /** Undefined: it does not. */
  whyItHears(channel: string): Why | undefined {
    if (!this.#topics.has(channel)) return undefined;
    if (channel === EVERYONE.name) return 'everyone';
    return this.#joined.has(channel) ? 'joined' : 'member';
  }

  /** The code with which the server refused what it wanted to join. */
  refusalOf(channel: string): string | undefined {
    return this.#refusals.get(channel);
  }

  /** What it hears now. */
  get all(): Hearing[] {
    return [...this.#topics.keys()].map((channel) => this.of(channel));
  }

  of(channel: string): Hearing {
    const hearing = this.#hearings.get(channel) ?? this.#newHearing(channel);
    this.#hearings.set(channel, hearing);
    return hearing;
  }

  #newHearing(channel: string): Hearing {
    const { surroundings, deviceId } = this.#host;
    return new Hearing(
      surroundings.channels.named(channel),
      deviceId,
      () => this.#topics.get(channel)?.cursor?.seq,
    );
  }

  #hear(topic: Topic): void {
    const { channel } = topic;
    this.#refusals.delete(channel);
    if (!this.#topics.has(channel)) {
      this.#topics.set(channel, topic);
      const hearing = this.of(channel);
      topic.on('message', (message) => this.#host.got(hearing, message));
      topic.on('reset', () => hearing.forget());
      topic.on('error', (error) => this.#failed(channel, error));
    }
    this.#host.changed();
  }

  #failed(channel: string, { code, message }: HeraldError): void {
    console.info(this.#host.deviceId, channel, message);
    if (OTHER_CODES.includes(code)) return;
    this.leave(channel);
    this.#refusals.set(channel, code);
    this.#host.changed();
  }

  #stop(channel: string): void {
    this.#topics.get(channel)?.close();
    this.#topics.delete(channel);
    this.#host.changed();
  }

  #keepJoined(): void {
    localStorage.setItem(this.#storageKey, JSON.stringify([...this.#joined]));
  }

  get #storageKey(): string {
    return `herald-console-topics:${this.#host.deviceId}`;
  }
}

const topicOf = (channel: string): string => channel.slice('topic:'.length);

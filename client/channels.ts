/**
 * What this tab knows of channels: who listens to each, and how far the device has come in those
 * that are heard.
 */
import { Audience, type AudienceHost } from './audience.ts';
import { Channel, type ChannelHost } from './channel.ts';
import type { World } from './environment.ts';
import type { Ending } from './iterator.ts';
import { loadPosition, savePosition } from './storage.ts';
import { within } from './timing.ts';
import type { HeraldError, KeyValueStorage, Position } from './types.ts';

/** What channels need of their client. */
export interface ChannelsHost extends ChannelHost {
  /** This tab has the connection, or tries to get it. */
  readonly isLeading: boolean;
  readonly storage: KeyValueStorage;
  /** Where in the storage what is of a channel is kept. */
  key(owner: string): string;
  /** Other channels are listened to than before. */
  tellUses(): void;
  error(error: HeraldError): void;
}

export class Channels implements AudienceHost {
  /** Those heard: the user's own, everyone, and topics. */
  readonly byName = new Map<string, Channel>();
  /** The name of the user's own channel. */
  ownName = '';
  /** Of the user's own channel. */
  readonly own: Audience;
  /** Of the other channels, by name. */
  readonly #audiences = new Map<string, Audience>();
  readonly #world: World;
  readonly #host: ChannelsHost;
  #ending: Ending | undefined;

  constructor(world: World, host: ChannelsHost) {
    this.#world = world;
    this.#host = host;
    this.own = new Audience('', world, this);
  }

  audience(channel: string): Audience {
    if (channel === this.ownName) return this.own;
    const audience = this.#audiences.get(channel) ?? new Audience(channel, this.#world, this);
    this.#audiences.set(channel, audience);
    if (this.#ending) audience.end(this.#ending);
    return audience;
  }

  get #everybody(): Audience[] {
    return [this.own, ...this.#audiences.values()];
  }

  /** The names of those that are to be heard, without the user's own. */
  get used(): string[] {
    return this.#everybody.flatMap(({ isUsed, channel }) => (isUsed ? channel : []));
  }

  get(name: string): Channel | undefined {
    return this.byName.get(name);
  }

  heard({ channel }: Audience): Channel | undefined {
    return this.get(channel || this.ownName);
  }

  use(audience: Audience): void {
    if (audience.isUsed || audience === this.own) return;
    audience.isUsed = true;
    this.heard(audience)?.listen(true);
    this.#host.tellUses();
  }

  /** What is finished is acknowledged before the channel is left. */
  async leave(audience: Audience): Promise<void> {
    const { channel } = audience;
    audience.isUsed = false;
    await this.settled(channel);
    if (audience.isUsed) return;
    if (this.#host.isLeading) this.heard(audience)?.listen(false);
    else this.drop(channel);
    this.#host.tellUses();
  }

  unheard(error: HeraldError, audience: Audience): void {
    if (audience === this.own) this.#world.report(error);
    else this.#host.error(error);
  }

  /** Whether somebody in this tab listens, or may. */
  isHeard(name: string): boolean {
    const audience = this.audience(name);
    return audience === this.own || audience.isUsed || audience.dispatcher.isHeard;
  }

  /** A channel, from where this device stands in it. */
  async load(name: string): Promise<Channel> {
    const { storage } = this.#host;
    return this.open(name, this.get(name) ? undefined : await loadPosition(storage, this.#key(name)));
  }

  open(name: string, kept?: Position): Channel {
    const channel = this.get(name) ?? new Channel(name, this.#world, this.#host, kept);
    this.byName.set(name, channel);
    return channel;
  }

  drop(name: string): void {
    this.get(name)?.stop();
    this.byName.delete(name);
  }

  dropAll(): void {
    for (const name of this.byName.keys()) this.drop(name);
  }

  dropUnheard(): void {
    for (const name of this.byName.keys()) if (!this.isHeard(name)) this.drop(name);
  }

  /** Only the tab that leads writes, so that two tabs never overwrite each other's position. */
  async save(name: string, position: Position, isAnew: boolean): Promise<void> {
    const { isLeading, storage } = this.#host;
    if (isLeading) await savePosition(storage, this.#key(name), position, isAnew);
  }

  /** A user's own device has its own position in a topic. */
  #key(name: string): string {
    const own = this.#host.key(this.ownName);
    return name === this.ownName ? own : `${own}:${name}`;
  }

  /** All that is finished of the channel is acknowledged. */
  async settled(name: string): Promise<void> {
    await this.get(name)?.saving;
    this.#host.acks.flush();
  }

  /**
   * Hands out no more. A handler that takes too long, or itself waits for `close()`, is not waited
   * for: its message comes again after a restart.
   */
  async stop(): Promise<void> {
    const channels = [...this.byName.values()];
    for (const channel of channels) channel.stop();
    const stopped = Promise.all(this.#everybody.map(({ dispatcher }) => dispatcher.stop()));
    const finished = stopped.then(() => Promise.all(channels.map(({ saving }) => saving)));
    await within(this.#world, this.#world.timing.closeTimeoutMs, finished).catch(() => {});
  }

  /** Nothing comes any more. */
  end(ending: Ending): void {
    this.#ending = ending;
    for (const audience of this.#everybody) audience.end(ending);
  }
}

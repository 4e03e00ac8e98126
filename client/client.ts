/**
 * Puts the parts together: a connection or another tab delivers, a channel orders, the dispatcher
 * hands out.
 */
import type { ErrorFrame, PublishedFrame } from '../lambdas/protocol/frames.ts';
import { type Ack, Acks } from './acks.ts';
import { Audience } from './audience.ts';
import { Channel, type ChannelHost } from './channel.ts';
import { ConnectionManager } from './connection-manager.ts';
import type { Started } from './delivery.ts';
import type { Environment, World } from './environment.ts';
import type { Ending } from './iterator.ts';
import { type Answer, type RequestFrame, Requests, refused } from './requests.ts';
import { guarded, isName, loadDeviceId, loadPosition, NAME_RULE, randomId, savePosition } from './storage.ts';
import { type FollowerMessage, type FromServer, type LeaderMessage, Tabs } from './tabs.ts';
import { DEFAULT_TIMING, Timer } from './timing.ts';
import { subjectOf, Tokens } from './token.ts';
import { TopicHandle } from './topic.ts';
import {
  type AnyTypes,
  type CloseReason,
  type Events,
  type Herald,
  HeraldError,
  type KeyValueStorage,
  type Listener,
  type Message,
  type Options,
  type Position,
  type Publication,
  type Published,
  type Status,
  type Topic,
} from './types.ts';

const EVERYONE = 'everyone';
const TOPIC = 'topic:';

/** Why a tab closes that the other tabs need not share: its token, or the app, said so. */
const OWN_REASONS: CloseReason[] = ['client', 'token_expired', 'refused'];

/**
 * A leading tab that fails more often in a row lets another try: that tab may have a token that
 * works.
 */
const FAILURES_TO_YIELD = 2;

export class Client implements Herald {
  readonly #world: World;
  readonly #url: string;
  readonly #storage: KeyValueStorage;
  readonly #tokens: Tokens;
  readonly #mayShare: boolean;
  readonly #signal: AbortSignal | undefined;
  /** By name: the user's own, everyone, and topics. */
  readonly #channels = new Map<string, Channel>();
  readonly #host: ChannelHost;
  readonly #acks: Acks;
  readonly #requests: Requests;
  /** Of the user's own channel. */
  readonly #own: Audience;
  /** Of the other channels, by name. */
  readonly #audiences = new Map<string, Audience>();
  /** The name of the user's own channel. */
  #ownName = '';
  /** The topics that the server lets the user hear by itself. */
  #given = new Set<string>();
  /** In the tab that leads: the channels that tabs listen to. */
  readonly #wanted = new Set<string>();
  /** Those of which a tab has said so since the latest count. */
  readonly #confirmed = new Set<string>();
  readonly #count: Timer;
  /** Made up when it is first asked for. */
  #tab: string | undefined;
  #refs = 0;
  #status: Status = { state: 'connecting' };
  #deviceId: string | undefined;
  readonly #manager: ConnectionManager;
  /** This tab has the connection, or tries to get it. */
  #isLeading = false;
  /** The tabs that share a connection are of one user. Undefined: not shared. */
  #user: string | undefined;
  #tabs: Tabs | undefined;
  /** Runs while it is open whether another tab or a stranger has replaced the connection. */
  readonly #replaced: Timer;
  #closing: Promise<void> | undefined;
  #ending: Ending | undefined;
  #unwatch: () => void = () => {};

  constructor(url: string, options: Options, env: Environment) {
    const { deviceId, storage, signal, timing, token, tabs = true } = options;
    const world: World = { ...env, timing: { ...DEFAULT_TIMING, ...timing } };
    this.#url = webSocketUrl(url);
    if (deviceId !== undefined && !isName(deviceId)) throw new TypeError(`deviceId: expected ${NAME_RULE}`);
    this.#world = world;
    this.#tokens = new Tokens(world, token);
    this.#mayShare = env.hasTabs && tabs;
    this.#signal = signal;
    this.#replaced = new Timer(world);
    this.#count = new Timer(world);
    this.#own = new Audience(world, () => this.#channels.get(this.#ownName));
    const error = (problem: HeraldError) => this.#own.emit('error', problem);
    this.#storage = guarded(storage, world, error);
    this.#host = {
      tab: () => this.#tabName(),
      sync: (channel, after) => this.#sync(channel, after),
      save: (channel, position, isAnew) => this.#save(channel, position, isAnew),
      due: (count) => this.#acks.due(count),
      progressed: (channel) => this.#audience(channel).dispatcher.wake(),
      expired: (channel, event) => this.#audience(channel).emit('expired', event),
      reset: (channel, event) => this.#audience(channel).emit('reset', event),
    };
    this.#acks = new Acks(world, this.#channels, (acks) => this.#ack(acks));
    this.#requests = new Requests(world, (frame, isAgain) => this.#request(frame, isAgain));
    this.#manager = new ConnectionManager(world, () => this.#connectionUrl(), this.#tokens, {
      token: () => this.#token(),
      status: (status) => this.#changeStatus(status),
      error,
      begin: (start) => this.#begin(start),
      deliver: (delivery) => this.#pass(delivery),
      hasUsed: (channel, through) => this.#channels.get(channel)?.hasUsed(through) ?? true,
      wanted: () => this.#wanted,
      position: async (channel) => (await this.#load(channel)).position,
      given: (channels) => this.#pass({ event: 'given', channels }),
      left: (channel) => this.#left(channel),
      refused: (channel, frame) => this.#pass({ event: 'refused', channel, frame }),
      answer: (frame) => this.#pass({ event: 'answer', frame }),
      idle: () => this.#update(),
      resume: () => this.#resume(),
    });
    signal?.addEventListener('abort', this.#abort);
    if (signal?.aborted) void this.close();
    else void this.#start(deviceId ?? (storage ? undefined : randomId(world)));
  }

  on<Name extends keyof Events>(name: Name, listener: Listener<AnyTypes, Name>): () => void {
    return this.#own.on(name, listener);
  }

  messages(): AsyncIterableIterator<Message> {
    return this.#own.messages();
  }

  topic(name: string): Topic {
    if (!isName(name)) throw new TypeError(`topic: expected ${NAME_RULE}`);
    return this.#topic(TOPIC + name);
  }

  get everyone(): Topic {
    return this.#topic(EVERYONE);
  }

  async publish({ origin, ...publication }: Publication): Promise<Published> {
    const frame = { action: 'publish', id: randomId(this.#world), ...publication } as const;
    const tab = origin === 'device' ? undefined : this.#tabName();
    const { id, results } = (await this.#ask({ ...frame, tab })) as PublishedFrame;
    return { id, results };
  }

  async send(destination: string, data?: unknown): Promise<void> {
    await this.#ask({ action: 'send', destination, data });
  }

  get status(): Status {
    return this.#status;
  }

  get deviceId(): string | undefined {
    return this.#deviceId;
  }

  get origin(): string | undefined {
    return this.#deviceId && `${this.#deviceId}/${this.#tabName()}`;
  }

  #tabName(): string {
    this.#tab ??= randomId(this.#world).slice(0, 8);
    return this.#tab;
  }

  get cursor(): Position | undefined {
    return this.#channels.get(this.#ownName)?.finished;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close('client', 'closed');
    return this.#closing;
  }

  #topic(channel: string): Topic {
    return new TopicHandle(channel, this.#audience(channel), {
      use: (user) => this.#use(channel, user),
      leave: (user) => void this.#leave(channel, user),
      cursor: () => this.#channels.get(channel)?.finished,
    });
  }

  #audience(channel: string): Audience {
    if (channel === this.#ownName) return this.#own;
    const known = this.#audiences.get(channel);
    if (known) return known;
    const error = (problem: HeraldError) => this.#own.emit('error', problem);
    const audience = new Audience(this.#world, () => this.#channels.get(channel), error);
    this.#audiences.set(channel, audience);
    if (this.#ending) audience.end(this.#ending);
    return audience;
  }

  /** The refs of all tabs differ. */
  #ask(frame: Omit<RequestFrame, 'ref'>): Promise<Answer> {
    this.#refs += 1;
    return this.#requests.ask({ ...frame, ref: `${this.#tabName()}.${this.#refs}` } as RequestFrame);
  }

  readonly #abort = () => void this.close();

  /** Leads, until the first token tells with which tabs to share. */
  async #start(known: string | undefined): Promise<void> {
    const deviceId = known ?? (await loadDeviceId(this.#storage, this.#world));
    if (this.#closing) return;
    this.#deviceId = deviceId;
    this.#unwatch = this.#world.onWake((mayConnect) => this.#wake(mayConnect));
    this.#lead();
  }

  #connectionUrl(): string {
    const url = new URL(this.#url);
    url.searchParams.set('deviceId', this.#deviceId ?? '');
    url.searchParams.set('ack', 'client');
    return url.href;
  }

  #wake(mayConnect: boolean): void {
    if (this.#isLeading) this.#manager.wake(mayConnect);
    else this.#tabs?.say({ event: 'hello' });
  }

  /** A user's own device has its own position in a topic. */
  #positionKey(channel: string): string {
    const own = this.#key(this.#ownName);
    return channel === this.#ownName ? own : `${own}:${channel}`;
  }

  /** Of one url, device and user (or channel). */
  #key(owner: string): string {
    return `herald:${this.#url}:${this.#deviceId}:${owner}`;
  }

  async #token(): Promise<string> {
    const token = await this.#tokens.next();
    const user = this.#mayShare ? subjectOf(token) : undefined;
    if (user !== this.#user && !this.#closing) this.#join(user);
    return token;
  }

  /**
   * Shares with the tabs of this user from now on. Example: somebody signs in as bob in another
   * tab. The next token of this tab is bob's, so it leaves alice's tabs, and alice's messages are
   * not for it.
   */
  #join(user: string | undefined): void {
    this.#tabs?.leave();
    this.#tabs = undefined;
    if (this.#user !== undefined) this.#dropChannels();
    this.#user = user;
    const name = this.#key(user ?? '');
    // The browser may have it and deny it.
    const broadcast = user === undefined ? undefined : orNone(() => this.#world.openBroadcast?.(name));
    if (!broadcast) return;
    this.#giveUpLead();
    this.#tabs = new Tabs(this.#world, broadcast, name, {
      becomeLeader: () => this.#lead(),
      loseLead: () => this.#giveUpLead(),
      onLeader: (message) => this.#onLeader(message),
      onFollower: (message) => this.#onFollower(message),
    });
  }

  #lead(): void {
    if (this.#closing) return;
    this.#isLeading = true;
    for (const channel of this.#uses) this.#wanted.add(channel);
    this.#manager.start(this.#status);
    this.#tabs?.say({ event: 'status', status: this.#status });
  }

  /** Of what nobody in this tab listens to, another tab knows better from now on where it stands. */
  #giveUpLead(): void {
    this.#isLeading = false;
    this.#replaced.cancel();
    this.#count.cancel();
    this.#wanted.clear();
    for (const name of this.#channels.keys()) if (!this.#isHeard(name)) this.#dropChannel(name);
    this.#manager.stop();
  }

  /** Of the user's own channel comes first. */
  async #begin(start: Started): Promise<boolean> {
    this.#nameOwn(start.channel);
    const channel = await this.#load(start.channel);
    if (this.#closing) return false;
    const isAnew = channel.begin(start);
    this.#introduce(channel, start.isOverlapping, start.head);
    this.#begun(start);
    return isAnew;
  }

  /** There is a connection, of this tab or of the one that leads. */
  #begun({ channel, isOverlapping }: Started): void {
    if (channel !== this.#ownName) return;
    if (!isOverlapping) this.#requests.resend();
    if (this.#isLeading) this.#countUses();
    else this.#tellUses();
  }

  /** Another user's channel replaces the one before: what was for that user is not for this one. */
  #nameOwn(channel: string): void {
    if (!channel.startsWith('user:') || channel === this.#ownName) return;
    this.#dropChannels();
    this.#ownName = channel;
  }

  /** A channel, from where this device stands in it. */
  async #load(name: string): Promise<Channel> {
    const kept = this.#channels.has(name)
      ? undefined
      : await loadPosition(this.#storage, this.#positionKey(name));
    return this.#channel(name, kept);
  }

  #channel(name: string, kept?: Position): Channel {
    const channel =
      this.#channels.get(name) ?? new Channel(name, this.#world, this.#host, this.#isHeard(name), kept);
    this.#channels.set(name, channel);
    return channel;
  }

  /** Whether somebody in this tab listens, or may. */
  #isHeard(name: string): boolean {
    return name === this.#ownName || !!this.#audiences.get(name)?.users.size;
  }

  #dropChannel(name: string): void {
    this.#channels.get(name)?.stop();
    this.#channels.delete(name);
  }

  #dropChannels(): void {
    for (const name of this.#channels.keys()) this.#dropChannel(name);
  }

  /** Tells the other tabs what this one takes. */
  #pass(message: FromServer): void {
    this.#tabs?.say(message);
    this.#take(message);
  }

  /** A tab that was not told yet where a channel begins cannot take what belongs to it. */
  #take(message: FromServer): void {
    switch (message.event) {
      case 'ready':
        this.#nameOwn(message.channel);
        if (this.#isHeard(message.channel)) this.#channel(message.channel).take(message);
        this.#begun(message);
        break;
      case 'given':
        this.#changeGiven(message.channels);
        break;
      case 'refused':
        this.#refuse(message.channel, message.frame);
        break;
      case 'answer':
        this.#requests.answer(message.frame);
        break;
      default:
        this.#channels.get(message.channel)?.take(message);
    }
  }

  #changeGiven(channels: string[]): void {
    const before = this.#given;
    this.#given = new Set(channels);
    const named = (channel: string) => ({ channel, topic: channel.slice(TOPIC.length) });
    for (const channel of before)
      if (!this.#given.has(channel)) this.#own.emit('unsubscribed', { ...named(channel), code: 'removed' });
    for (const channel of channels) if (!before.has(channel)) this.#own.emit('subscribed', named(channel));
  }

  #refuse(channel: string, { code, message }: ErrorFrame): void {
    this.#wanted.delete(channel);
    this.#confirmed.delete(channel);
    if (this.#isHeard(channel)) this.#audience(channel).refuse(refused(code, message));
  }

  /** The tab that leads keeps a channel as long as one of the tabs wants it. */
  #left(channel: string): void {
    if (!this.#wanted.has(channel)) this.#dropChannel(channel);
  }

  /** Somebody in this tab listens from now on. */
  #use(channel: string, user: object): void {
    const audience = this.#audience(channel);
    const isFirst = audience.users.size === 0;
    audience.users.add(user);
    audience.isRefused = false;
    if (isFirst) this.#channels.get(channel)?.listen(true);
    if (this.#isLeading) this.#want([channel]);
    else this.#tabs?.say({ event: 'use', channels: [channel] });
  }

  /** What is finished is acknowledged before the channel is left. */
  async #leave(channel: string, user: object): Promise<void> {
    const { users } = this.#audience(channel);
    if (!users.delete(user) || users.size > 0) return;
    await this.#settled(channel);
    if (users.size > 0) return;
    if (this.#isLeading) {
      this.#channels.get(channel)?.listen(false);
      this.#countUses();
    } else {
      this.#dropChannel(channel);
      this.#tabs?.say({ event: 'unuse' });
    }
  }

  /** All that is finished of the channel is acknowledged. */
  async #settled(channel: string): Promise<void> {
    await this.#channels.get(channel)?.saving;
    this.#acks.flush();
  }

  /** What this tab listens to, and the server has not refused. */
  get #uses(): string[] {
    return [...this.#audiences].flatMap(([name, { users, isRefused }]) =>
      users.size > 0 && !isRefused ? name : [],
    );
  }

  #tellUses(): void {
    if (this.#uses.length > 0) this.#tabs?.say({ event: 'use', channels: this.#uses });
  }

  /**
   * Asks the tabs what they listen to, by telling where the own channel stands, and leaves what none
   * does. A tab may have gone without a word.
   */
  #countUses(): void {
    this.#confirmed.clear();
    this.#want(this.#uses);
    this.#introduceOwn();
    this.#count.set(this.#world.timing.electionMs, () => {
      for (const channel of this.#wanted) if (!this.#confirmed.has(channel)) void this.#unwant(channel);
    });
  }

  #want(channels: string[]): void {
    for (const channel of channels) {
      this.#wanted.add(channel);
      this.#confirmed.add(channel);
      this.#manager.update(channel);
      this.#introduce(this.#channels.get(channel));
    }
  }

  async #unwant(channel: string): Promise<void> {
    this.#wanted.delete(channel);
    await this.#settled(channel);
    this.#manager.update(channel);
  }

  #sync(channel: string, after: number): boolean {
    if (this.#isLeading) return this.#manager.sync(channel, after);
    this.#tabs?.say({ event: 'sync', channel, after });
    return true;
  }

  /** At the server, or by the tab that leads. Returns those that were sent. */
  #ack(acks: Ack[]): Ack[] {
    if (this.#isLeading) return this.#manager.ack(acks);
    if (acks.length > 0) this.#tabs?.say({ event: 'finished', acks });
    return acks;
  }

  #request(frame: RequestFrame, isAgain: boolean): void {
    if (this.#isLeading) this.#manager.request(frame, isAgain);
    else this.#tabs?.say({ event: 'request', frame, isAgain });
  }

  #update(): void {
    for (const channel of this.#channels.values()) channel.update();
  }

  /** The server may have lost acks. It knows what it has. */
  #resume(): void {
    for (const channel of this.#channels.values()) channel.acknowledged(0);
    this.#acks.flush();
  }

  /** Only the tab that leads writes, so that two tabs never overwrite each other's position. */
  async #save(channel: string, position: Position, isAnew: boolean): Promise<void> {
    if (this.#isLeading) await savePosition(this.#storage, this.#positionKey(channel), position, isAnew);
  }

  #onFollower(message: FollowerMessage): void {
    if (!this.#isLeading || this.#closing) return;
    switch (message.event) {
      case 'hello':
        this.#introduceOwn();
        break;
      case 'use':
        this.#want(message.channels);
        break;
      case 'unuse':
        this.#countUses();
        break;
      case 'request':
        this.#manager.request(message.frame, message.isAgain);
        break;
      case 'finished':
        for (const { channel, epoch, seq } of message.acks) this.#channels.get(channel)?.note({ epoch, seq });
        break;
      default: {
        const { channel, after } = message;
        this.#manager.sync(channel, this.#channels.get(channel)?.syncFrom(after) ?? after);
      }
    }
  }

  #onLeader(message: LeaderMessage): void {
    if (this.#isLeading || this.#closing) return;
    if (message.event !== 'status') this.#take(message);
    else if (message.status.state !== 'closed' || !OWN_REASONS.includes(message.status.reason))
      this.#changeStatus(message.status);
  }

  #introduceOwn(): void {
    const own = this.#channels.get(this.#ownName);
    this.#introduce(own);
    if (own) this.#tabs?.say({ event: 'given', channels: [...this.#given] });
    this.#tabs?.say({ event: 'status', status: this.#status });
  }

  /** The other tabs begin where the device stands, unless they have come further. */
  #introduce(channel: Channel | undefined, isOverlapping = true, head = channel?.known ?? 0): void {
    if (!channel?.finished || !channel.position) return;
    const { epoch, seq } = channel.position;
    this.#tabs?.say({ event: 'ready', channel: channel.name, epoch, cursor: seq, head, isOverlapping });
  }

  #changeStatus(status: Status): void {
    if (this.#closing) return;
    if (status.state === 'closed') this.#closeUnlessFollowed(status);
    else if (status.state === 'waiting' || status.state !== this.#status.state) this.#setStatus(status);
    if (status.state !== 'waiting' || status.failures < FAILURES_TO_YIELD) return;
    if (!this.#isLeading || !this.#tabs) return;
    this.#giveUpLead();
    this.#tabs.yield();
  }

  /**
   * The server closes a connection as `replaced` also if another tab has taken the lead while this
   * one did not run. Such a tab makes itself heard; after silence it was a stranger's connection.
   */
  #closeUnlessFollowed({ reason, message }: Status & { state: 'closed' }): void {
    const close = () => {
      this.#closing ??= this.#close(reason, message);
    };
    if (reason === 'replaced' && this.#isLeading && this.#tabs) {
      this.#manager.stop();
      this.#replaced.set(this.#world.timing.leaderTickMs, close);
    } else close();
  }

  #setStatus(status: Status): void {
    this.#status = status;
    if (this.#isLeading) this.#tabs?.say({ event: 'status', status });
    this.#own.emit('status', status);
  }

  async #close(reason: CloseReason, message: string): Promise<void> {
    this.#unwatch();
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#replaced.cancel();
    this.#count.cancel();
    for (const channel of this.#channels.values()) channel.stop();
    await this.#finishHandlers();
    this.#acks.flush();
    this.#manager.stop();
    this.#setStatus({ state: 'closed', reason, message });
    this.#tabs?.leave();
    const closed = new HeraldError('closed', `${reason}: ${message}`);
    const error = reason === 'client' ? undefined : closed;
    if (error) this.#own.emit('error', error);
    this.#requests.end(closed);
    this.#ending = { error };
    for (const audience of this.#everybody) audience.end(this.#ending);
  }

  get #everybody(): Audience[] {
    return [this.#own, ...this.#audiences.values()];
  }

  /**
   * A handler that takes too long, or itself waits for `close()`, is not waited for: its message
   * comes again after a restart.
   */
  async #finishHandlers(): Promise<void> {
    const patience = new Timer(this.#world);
    const enough = new Promise<void>((resolve) => patience.set(this.#world.timing.closeTimeoutMs, resolve));
    const stopped = Promise.all(this.#everybody.map(({ dispatcher }) => dispatcher.stop()));
    const finished = stopped.then(() =>
      Promise.all([...this.#channels.values()].map(({ saving }) => saving)),
    );
    await Promise.race([finished, enough]);
    patience.cancel();
  }
}

function webSocketUrl(text: string): string {
  const url = orNone(() => new URL(text));
  if (url && /^wss?:$/.test(url.protocol)) return url.href;
  throw new TypeError(`url: expected ws:// or wss://, got ${url ? url.protocol : 'no URL'}`);
}

/** Undefined if it throws. */
function orNone<Thing>(make: () => Thing): Thing | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

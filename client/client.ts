/**
 * Puts the parts together: a connection or another tab delivers, a channel orders, the dispatcher
 * hands out.
 */
import { Channel } from './channel.ts';
import { ConnectionManager } from './connection-manager.ts';
import type { Delivery, Started } from './delivery.ts';
import { Dispatcher } from './dispatcher.ts';
import { Emitter } from './emitter.ts';
import type { Environment, World } from './environment.ts';
import { type Ending, MessageIterator } from './iterator.ts';
import { guarded, isDeviceId, loadDeviceId, loadPosition, randomId, savePosition } from './storage.ts';
import { type FollowerMessage, type LeaderMessage, Tabs } from './tabs.ts';
import { DEFAULT_TIMING, Timer } from './timing.ts';
import { subjectOf, Tokens } from './token.ts';
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
  type Status,
} from './types.ts';

type Name = keyof Events;

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
  readonly #emitter: Emitter;
  readonly #dispatcher: Dispatcher;
  /** By name. The user's own is the first, and so far the only one. */
  readonly #channels = new Map<string, Channel>();
  /** Made up when it is first asked for. */
  #tab: string | undefined;
  readonly #ended: Promise<Ending>;
  #end: (ending: Ending) => void = () => {};
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
  #unwatch: () => void = () => {};

  constructor(url: string, options: Options, env: Environment) {
    const { deviceId, storage, signal, timing, token, tabs = true } = options;
    const world: World = { ...env, timing: { ...DEFAULT_TIMING, ...timing } };
    this.#url = webSocketUrl(url);
    if (deviceId !== undefined && !isDeviceId(deviceId))
      throw new TypeError('deviceId: expected 1 to 128 of A–Z a–z 0–9 . _ : -');
    this.#world = world;
    this.#tokens = new Tokens(world, token);
    this.#mayShare = env.hasTabs && tabs;
    this.#signal = signal;
    this.#replaced = new Timer(world);
    this.#emitter = new Emitter(env.report);
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const error = (problem: HeraldError) => this.#emitter.emit('error', problem);
    this.#storage = guarded(storage, world, error);
    this.#dispatcher = new Dispatcher(world, this.#channels, error);
    this.#manager = new ConnectionManager(world, () => this.#connectionUrl(), this.#tokens, {
      token: () => this.#token(),
      status: (status) => this.#changeStatus(status),
      error,
      begin: (start) => this.#begin(start),
      deliver: (delivery) => {
        this.#tabs?.say(delivery);
        this.#deliver(delivery);
      },
      settled: () => this.#own?.settled ?? 0,
      idle: () => this.#own?.update(),
    });
    signal?.addEventListener('abort', this.#abort);
    if (signal?.aborted) void this.close();
    else void this.#start(deviceId ?? (storage ? undefined : randomId(world)));
  }

  on<N extends Name>(name: N, listener: Listener<AnyTypes, N>): () => void {
    return name === 'message'
      ? this.#dispatcher.add(listener as (message: Message) => unknown)
      : this.#emitter.add(name, listener);
  }

  messages(): AsyncIterableIterator<Message> {
    return new MessageIterator(this.#dispatcher, this.#ended);
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
    return this.#own?.finished;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close('client', 'closed');
    return this.#closing;
  }

  /** The user's own channel. Undefined before the first connection. */
  get #own(): Channel | undefined {
    const [own] = this.#channels.values();
    return own;
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
    this.#manager.start(this.#status);
    this.#tabs?.say({ event: 'status', status: this.#status });
  }

  #giveUpLead(): void {
    this.#isLeading = false;
    this.#replaced.cancel();
    this.#manager.stop();
  }

  async #begin(start: Started): Promise<boolean> {
    const isKnown = this.#channels.has(start.channel);
    const kept = isKnown ? undefined : await loadPosition(this.#storage, this.#key(start.channel));
    if (this.#closing) return false;
    const isAnew = this.#channel(start.channel).begin(start, kept);
    this.#introduce(start);
    return isAnew;
  }

  /** Another user's channel replaces the one before: what was for that user is not for this one. */
  #channel(name: string): Channel {
    const known = this.#channels.get(name);
    if (known) return known;
    this.#dropChannels();
    const channel = new Channel(name, this.#world, {
      tab: () => this.#tabName(),
      sync: (of, after) => this.#sync(of, after),
      ack: (of, position) => this.#ack(of, position),
      save: (of, position, isAnew) => this.#save(of, position, isAnew),
      progressed: () => this.#dispatcher.wake(),
      expired: (event) => this.#emitter.emit('expired', event),
      reset: (event) => this.#emitter.emit('reset', event),
    });
    this.#channels.set(name, channel);
    return channel;
  }

  #dropChannels(): void {
    for (const channel of this.#channels.values()) channel.stop();
    this.#channels.clear();
  }

  /** A tab that was not told yet where its channel begins cannot take what belongs to it. */
  #deliver(delivery: Delivery): void {
    if (delivery.event === 'ready') this.#channel(delivery.channel).take(delivery);
    else if (delivery.event === 'pong') this.#own?.take(delivery);
    else this.#channels.get(delivery.channel)?.take(delivery);
  }

  #sync(channel: string, after: number): boolean {
    if (this.#isLeading) return this.#manager.sync(after);
    this.#tabs?.say({ event: 'sync', channel, after });
    return true;
  }

  #ack(channel: string, position: Position): boolean {
    if (this.#isLeading) return this.#manager.ack(channel, position);
    this.#tabs?.say({ event: 'finished', channel, position });
    return true;
  }

  /** Only the tab that leads writes, so that two tabs never overwrite each other's position. */
  async #save(channel: string, position: Position, isAnew: boolean): Promise<void> {
    if (this.#isLeading) await savePosition(this.#storage, this.#key(channel), position, isAnew);
  }

  #onFollower(message: FollowerMessage): void {
    if (!this.#isLeading || this.#closing) return;
    if (message.event === 'hello') {
      this.#introduce({ head: this.#own?.settled ?? 0, isOverlapping: true });
      return;
    }
    const channel = this.#channels.get(message.channel);
    if (message.event === 'finished') channel?.note(message.position);
    else if (channel) this.#manager.sync(channel.syncFrom(message.after));
  }

  #onLeader(message: LeaderMessage): void {
    if (this.#isLeading || this.#closing) return;
    if (message.event !== 'status') this.#deliver(message);
    else if (message.status.state !== 'closed' || !OWN_REASONS.includes(message.status.reason))
      this.#changeStatus(message.status);
  }

  /** The other tabs begin where the device stands, unless they have come further. */
  #introduce({ head, isOverlapping }: Pick<Started, 'head' | 'isOverlapping'>): void {
    const own = this.#own;
    if (own?.position) {
      const { epoch, seq } = own.position;
      this.#tabs?.say({ event: 'ready', channel: own.name, epoch, cursor: seq, head, isOverlapping });
    }
    this.#tabs?.say({ event: 'status', status: this.#status });
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
    this.#emitter.emit('status', status);
  }

  async #close(reason: CloseReason, message: string): Promise<void> {
    this.#unwatch();
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#replaced.cancel();
    this.#own?.stop();
    await this.#finishHandlers();
    this.#own?.ack();
    this.#manager.stop();
    this.#setStatus({ state: 'closed', reason, message });
    this.#tabs?.leave();
    const error = reason === 'client' ? undefined : new HeraldError('closed', `${reason}: ${message}`);
    if (error) this.#emitter.emit('error', error);
    this.#end({ error });
  }

  /**
   * A handler that takes too long, or itself waits for `close()`, is not waited for: its message
   * comes again after a restart.
   */
  async #finishHandlers(): Promise<void> {
    const patience = new Timer(this.#world);
    const enough = new Promise<void>((resolve) => patience.set(this.#world.timing.closeTimeoutMs, resolve));
    const finished = this.#dispatcher.stop().then(() => this.#own?.saving);
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

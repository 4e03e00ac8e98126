/**
 * Puts the parts together: a connection or another tab delivers, a channel orders, the dispatcher
 * hands out.
 */
import type { PublishedFrame, SubscribedFrame } from '../lambdas/protocol/frames.ts';
import { type Ack, Acks, type AcksHost } from './acks.ts';
import { Audience, type AudienceHost } from './audience.ts';
import { Channel, type ChannelHost } from './channel.ts';
import { ConnectionManager, type ManagerHost } from './connection-manager.ts';
import type { Started } from './delivery.ts';
import type { Environment, World } from './environment.ts';
import type { Mark, ReadFrame } from './inbox/inbox-frames.ts';
import type { InboxHost, InboxPart } from './inbox/part.ts';
import type { Ending } from './iterator.ts';
import { checkName, orNone, webSocketUrl } from './option-checks.ts';
import { type Answer, type RequestFrame, Requests, refused } from './requests.ts';
import { guarded, loadDeviceId, loadPosition, randomId, savePosition } from './storage.ts';
import { type FollowerMessage, type FromServer, type LeaderMessage, Tabs, type TabsHost } from './tabs.ts';
import { DEFAULT_TIMING, lifetime, Timer, within } from './timing.ts';
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
  type Publication,
  type Published,
  type Status,
  type Topic,
} from './types.ts';

const TOPIC = 'topic:';

/** Why a tab closes that the other tabs need not share: its token, or the app, said so. */
const OWN_REASONS: CloseReason[] = ['client', 'token_expired', 'refused'];

/**
 * After this many failures in a row the leading tab lets another tab lead: the other tab may have a
 * token that works.
 */
const FAILURES_TO_YIELD = 2;

/** `Herald` is what an application sees of it; the rest is what its parts need of it. */
export class Client implements Herald, ManagerHost, ChannelHost, AudienceHost, AcksHost, TabsHost, InboxHost {
  readonly world: World;
  readonly #url: string;
  readonly storage: KeyValueStorage;
  readonly #tokens: Tokens;
  readonly #mayShare: boolean;
  readonly #signal: AbortSignal | undefined;
  /** By name: the user's own, everyone, and topics. */
  readonly #channels = new Map<string, Channel>();
  readonly acks: Acks;
  readonly requests: Requests;
  /** The name of the user's own channel. */
  #ownName = '';
  /** Of the user's own channel. */
  readonly #own: Audience;
  /** Of the other channels, by name. */
  readonly #audiences = new Map<string, Audience>();
  /** The topics that the server lets the user hear by itself. */
  #given = new Set<string>();
  readonly #inbox: InboxPart | undefined;
  /** Whom the latest token names. */
  #subject: string | undefined;
  /** The newest read state that was told, for a tab that comes later. */
  #read: ReadFrame | undefined;
  /** In the tab that leads: the channels that tabs listen to, by the tab's name. */
  readonly #uses = new Map<string, Set<string>>();
  /** Of these the server is asked at the moment. */
  readonly #asking = new Set<string>();
  /** Made up when it is first asked for. */
  #tab: string | undefined;
  #refs = 0;
  #status: Status = { state: 'connecting' };
  #deviceId: string | undefined;
  readonly #manager: ConnectionManager;
  /** This tab has the connection, or tries to get it. */
  isLeading = false;
  /** The tabs that share a connection are of one user. Undefined: not shared. */
  #user: string | undefined;
  #tabs: Tabs | undefined;
  /** After a `bye` of code `replaced`: runs while another tab of ours may say that it leads. */
  readonly #replaced: Timer;
  #closing: Promise<void> | undefined;
  #ending: Ending | undefined;
  #unwatch: () => void = () => {};
  readonly #endTimers: () => void;

  constructor(url: string, options: Options, env: Environment) {
    const { deviceId, storage, signal, timing, token, tabs = true } = options;
    const { after, end } = lifetime(env.after);
    const world: World = { ...env, after, timing: { ...DEFAULT_TIMING, ...timing } };
    this.#endTimers = end;
    this.#url = webSocketUrl(url);
    if (deviceId !== undefined) checkName('deviceId', deviceId);
    this.world = world;
    this.#tokens = new Tokens(world, token);
    this.#mayShare = env.hasTabs && tabs;
    this.#signal = signal;
    this.#replaced = new Timer(world);
    this.#own = new Audience('', world, this);
    this.storage = guarded(storage, world, (error) => this.error(error));
    this.acks = new Acks(world, this.#channels, this);
    this.requests = new Requests(world, (frame, isAgain) => this.#request(frame, isAgain));
    this.#manager = new ConnectionManager(world, () => this.#connectionUrl(), this.#tokens, this);
    this.#inbox = options.inbox?.(this);
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
    checkName('topic', name);
    return this.audience(TOPIC + name);
  }

  get everyone(): Topic {
    return this.audience('everyone');
  }

  async publish({ origin, ...publication }: Publication): Promise<Published> {
    const frame = { action: 'publish', id: randomId(this.world), ...publication } as const;
    const tab = origin === 'device' ? undefined : this.tab();
    const { id, results } = (await this.#ask({ ...frame, tab })) as PublishedFrame;
    return { id, results };
  }

  async send(destination: string, data?: unknown): Promise<void> {
    await this.#ask({ action: 'send', destination, data });
  }

  get inbox(): InboxPart {
    if (this.#inbox) return this.#inbox;
    throw new Error('inbox: import it from herald-client/inbox, and give it as the option `inbox`');
  }

  get status(): Status {
    return this.#status;
  }

  get deviceId(): string | undefined {
    return this.#deviceId;
  }

  get origin(): string | undefined {
    return this.#deviceId && `${this.#deviceId}/${this.tab()}`;
  }

  get cursor(): Position | undefined {
    return this.#own.cursor;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close('client', 'closed');
    return this.#closing;
  }

  tab(): string {
    this.#tab ??= randomId(this.world).slice(0, 8);
    return this.#tab;
  }

  error(error: HeraldError): void {
    this.#own.emit('error', error);
  }

  unheard(error: HeraldError, audience: Audience): void {
    if (audience === this.#own) this.world.report(error);
    else this.error(error);
  }

  heard({ channel }: Audience): Channel | undefined {
    return this.#channels.get(channel || this.#ownName);
  }

  audience(channel: string): Audience {
    if (channel === this.#ownName) return this.#own;
    const audience = this.#audiences.get(channel) ?? new Audience(channel, this.world, this);
    this.#audiences.set(channel, audience);
    if (this.#ending) audience.end(this.#ending);
    return audience;
  }

  #ask(frame: Omit<RequestFrame, 'ref'>): Promise<Answer> {
    return this.requests.ask({ ...frame, ref: this.newRef() } as RequestFrame);
  }

  newRef(): string {
    this.#refs += 1;
    return `${this.tab()}.${this.#refs}`;
  }

  readonly #abort = () => void this.close();

  /** Leads, until the first token tells with which tabs to share. */
  async #start(known: string | undefined): Promise<void> {
    const deviceId = known ?? (await loadDeviceId(this.storage, this.world));
    if (this.#closing) return;
    this.#deviceId = deviceId;
    const unwatch = [
      this.world.onWake((mayConnect) => this.#wake(mayConnect)),
      this.world.onHide(() => this.acks.flush()),
    ];
    this.#unwatch = () => {
      for (const stop of unwatch) stop();
    };
    this.becomeLeader();
  }

  #connectionUrl(): string {
    const url = new URL(this.#url);
    url.searchParams.set('deviceId', this.#deviceId ?? '');
    url.searchParams.set('ack', 'client');
    return url.href;
  }

  #wake(mayConnect: boolean): void {
    if (this.isLeading) this.#manager.wake(mayConnect);
    else this.#tabs?.say({ event: 'hello' });
  }

  /** A user's own device has its own position in a topic. */
  #positionKey(channel: string): string {
    const own = this.key(this.#ownName);
    return channel === this.#ownName ? own : `${own}:${channel}`;
  }

  key(owner: string): string {
    return `herald:${this.#url}:${this.#deviceId}:${owner}`;
  }

  async token(): Promise<string> {
    const token = await this.#tokens.next();
    const subject = subjectOf(token);
    // A guess until the server has said it.
    if (subject !== undefined && subject !== this.#subject) this.#inbox?.open(`user:${subject}`);
    this.#subject = subject;
    const user = this.#mayShare ? subject : undefined;
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
    const name = this.key(user ?? '');
    // The browser may have it and deny it.
    const broadcast = user === undefined ? undefined : orNone(() => this.world.openBroadcast?.(name));
    if (!broadcast) return;
    this.loseLead();
    this.#tabs = new Tabs(this.world, broadcast, name, this);
  }

  becomeLeader(): void {
    if (this.#closing) return;
    this.isLeading = true;
    this.#manager.start(this.#status);
    this.#tabs?.say({ event: 'status', status: this.#status });
  }

  /**
   * Stops leading. Drops the channels that nobody in this tab listens to: from now on the leading
   * tab knows better how far they have come.
   */
  loseLead(): void {
    this.isLeading = false;
    this.#replaced.cancel();
    this.#uses.clear();
    for (const name of this.#channels.keys()) if (!this.#isHeard(name)) this.#dropChannel(name);
    this.#manager.stop();
  }

  /** That of the user's own channel comes first. */
  async begin(start: Started): Promise<boolean> {
    this.#nameOwn(start.channel);
    const channel = await this.#load(start.channel);
    if (this.#closing) return false;
    const isAnew = channel.begin(start);
    this.#introduce(channel, start);
    this.#begun(start);
    void this.#reconcile(start.channel);
    return isAnew;
  }

  /** This tab or the leading tab has a new connection: each tab tells anew what it listens to. */
  #begun(start: Started): void {
    const { channel, isOverlapping } = start;
    if (channel !== this.#ownName) return;
    this.#inbox?.take(start);
    if (!isOverlapping) this.requests.resend();
    this.#uses.clear();
    this.#tellUses();
  }

  /** Another user's channel replaces the channel so far, whose messages are not for this user. */
  #nameOwn(channel: string): void {
    if (!channel.startsWith('user:') || channel === this.#ownName) return;
    this.#dropChannels();
    this.#ownName = channel;
    this.#inbox?.open(channel);
  }

  /** A channel, from where this device stands in it. */
  async #load(name: string): Promise<Channel> {
    const key = this.#positionKey(name);
    return this.#channel(name, this.#channels.has(name) ? undefined : await loadPosition(this.storage, key));
  }

  #channel(name: string, kept?: Position): Channel {
    const channel =
      this.#channels.get(name) ?? new Channel(name, this.world, this, this.#isHeard(name), kept);
    this.#channels.set(name, channel);
    return channel;
  }

  /** Whether somebody in this tab listens, or may. */
  #isHeard(name: string): boolean {
    const audience = this.audience(name);
    return audience === this.#own || audience.isUsed || audience.dispatcher.isHeard;
  }

  #dropChannel(name: string): void {
    this.#channels.get(name)?.stop();
    this.#channels.delete(name);
  }

  #dropChannels(): void {
    for (const name of this.#channels.keys()) this.#dropChannel(name);
  }

  hasUsed(channel: string, through: number): boolean {
    return this.#channels.get(channel)?.hasUsed(through) ?? true;
  }

  /** Takes it in this tab, too. */
  pass(message: FromServer): void {
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
        if (this.#isHeard(message.channel)) {
          this.audience(message.channel).refuse(refused(message.code, message.message));
          this.#tellUses();
        }
        break;
      case 'answer':
        this.requests.answer(message.frame);
        break;
      default:
        if (message.channel === this.#ownName) this.#inbox?.take(message);
        if (message.event === 'read') this.#noteRead(message);
        else this.#channels.get(message.channel)?.take(message);
    }
  }

  #noteRead(read: ReadFrame): void {
    if (read.epoch !== this.#read?.epoch || read.version >= this.#read.version) this.#read = read;
  }

  shareMarks(marks: Mark[]): void {
    this.#tabs?.say({ event: 'marked', marks });
  }

  onMarks(marks: Mark[]): void {
    this.#inbox?.adopt(marks);
  }

  #changeGiven(channels: string[]): void {
    const before = this.#given;
    this.#given = new Set(channels);
    const named = (channel: string) => ({ channel, topic: channel.slice(TOPIC.length) });
    for (const channel of before)
      if (!this.#given.has(channel)) this.#own.emit('unsubscribed', { ...named(channel), code: 'removed' });
    for (const channel of channels) if (!before.has(channel)) this.#own.emit('subscribed', named(channel));
  }

  use(audience: Audience): void {
    if (audience.isUsed || audience === this.#own) return;
    audience.isUsed = true;
    this.heard(audience)?.listen(true);
    this.#tellUses();
  }

  /** What is finished is acknowledged before the channel is left. */
  async leave(audience: Audience): Promise<void> {
    const { channel } = audience;
    audience.isUsed = false;
    await this.#settled(channel);
    if (audience.isUsed) return;
    if (this.isLeading) this.heard(audience)?.listen(false);
    else this.#dropChannel(channel);
    this.#tellUses();
  }

  /** All that is finished of the channel is acknowledged. */
  async #settled(channel: string): Promise<void> {
    await this.#channels.get(channel)?.saving;
    this.acks.flush();
  }

  #tellUses(): void {
    const used = [...this.#audiences.values()].filter(({ isUsed }) => isUsed);
    const channels = used.map(({ channel }) => channel);
    if (this.isLeading) this.#noteUses(this.tab(), channels);
    else this.#tabs?.say({ event: 'use', tab: this.tab(), channels });
  }

  #noteUses(tab: string, channels: string[]): void {
    const before = this.#uses.get(tab) ?? [];
    this.#uses.set(tab, new Set(channels));
    for (const channel of [...before, ...channels]) void this.#reconcile(channel);
  }

  #isWanted(channel: string): boolean {
    return [...this.#uses.values()].some((channels) => channels.has(channel));
  }

  /** Subscribes or unsubscribes step by step: each step waits for the server's answer. */
  async #reconcile(channel: string): Promise<void> {
    this.#introduce(this.#channels.get(channel));
    const subscription = this.#manager.subscription(channel);
    const isWanted = this.#isWanted(channel);
    const { position } = this.#channels.get(channel) ?? {};
    const { epoch, isGiven, givenFrom = 0 } = subscription ?? {};
    // The server begins the topic further on than our position: the storage has lost something, or
    // the user left and joined again. A `subscribe` that names our position finds out which.
    const isBehind = position?.epoch === epoch && (position?.seq ?? 0) < givenFrom;
    if (this.#asking.has(channel) || !this.isLeading || this.#closing || !this.#manager.isReady) return;
    if (isWanted ? subscription && !isBehind : !subscription || isGiven) return;
    this.#asking.add(channel);
    try {
      await (isWanted ? this.#subscribe(channel) : this.#unsubscribe(channel));
    } catch (error) {
      this.#refuse(channel, error as HeraldError);
    }
    this.#asking.delete(channel);
    await this.#reconcile(channel);
  }

  /**
   * The server refused a subscribe or unsubscribe: nobody asks again until somebody listens anew.
   * After `timeout` or `closed` the server has not refused, so `#reconcile` asks again.
   */
  #refuse(channel: string, { code, message }: HeraldError): void {
    if (code === 'timeout' || code === 'closed') return;
    for (const channels of this.#uses.values()) channels.delete(channel);
    this.pass({ event: 'refused', channel, code, message });
  }

  /**
   * Says where this device stands. If the server answers that it begins further on, what lies
   * before was published before the user joined, or joined again, and is not for this user.
   */
  async #subscribe(channel: string): Promise<void> {
    const { epoch, seq: after }: Partial<Position> = (await this.#load(channel)).position ?? {};
    const answer = await this.#ask({ action: 'subscribe', channel, after, epoch });
    const { epoch: present, cursor: through } = answer as SubscribedFrame;
    if (epoch !== present || after === undefined || through <= after) return;
    const nothing = { after: 0, from: 0, messages: [], expired: 0, size: 0, more: false };
    this.pass({ event: 'replay', channel, epoch, through, ...nothing });
  }

  async #unsubscribe(channel: string): Promise<void> {
    await this.#settled(channel);
    await this.#ask({ action: 'unsubscribe', channel });
  }

  /**
   * The connection no longer hears the channel. If a tab still wants it, the server took it away (a
   * member was removed), and we subscribe: the token may allow it.
   */
  left(channel: string): void {
    if (this.#isWanted(channel)) void this.#reconcile(channel);
    else this.#dropChannel(channel);
  }

  sync(channel: string, after: number): boolean {
    if (this.isLeading) return this.#manager.sync(channel, after);
    this.#tabs?.say({ event: 'sync', channel, after });
    return true;
  }

  acknowledge(acks: Ack[], isUrgent: boolean): Ack[] {
    if (this.isLeading) return this.#manager.ack(acks);
    if (acks.length > 0) this.#tabs?.say({ event: 'finished', acks, isUrgent });
    return acks;
  }

  #request(frame: RequestFrame, isAgain: boolean): void {
    if (this.isLeading) this.#manager.request(frame, isAgain);
    else this.#tabs?.say({ event: 'request', frame, isAgain });
  }

  idle(): void {
    for (const channel of this.#channels.values()) channel.update();
    this.acks.retry();
  }

  /** Only the tab that leads writes, so that two tabs never overwrite each other's position. */
  async save(channel: string, position: Position, isAnew: boolean): Promise<void> {
    if (this.isLeading) await savePosition(this.storage, this.#positionKey(channel), position, isAnew);
  }

  onFollower(message: FollowerMessage): void {
    if (!this.isLeading || this.#closing) return;
    switch (message.event) {
      case 'hello':
        this.#introduceOwn();
        break;
      case 'use':
        this.#noteUses(message.tab, message.channels);
        break;
      case 'request':
        this.#manager.request(message.frame, message.isAgain);
        break;
      case 'finished':
        for (const { channel, epoch, seq } of message.acks) {
          this.#channels.get(channel)?.note({ epoch, seq });
          if (message.isUrgent) void this.#settled(channel);
        }
        break;
      default: {
        const { channel, after } = message;
        this.#manager.sync(channel, this.#channels.get(channel)?.syncFrom(after) ?? after);
      }
    }
  }

  onLeader(message: LeaderMessage): void {
    if (this.isLeading || this.#closing) return;
    if (message.event !== 'status') this.#take(message);
    else if (message.status.state !== 'closed' || !OWN_REASONS.includes(message.status.reason))
      this.changeStatus(message.status);
  }

  #introduceOwn(): void {
    const own = this.heard(this.#own);
    this.#introduce(own);
    if (own) this.#tabs?.say({ event: 'given', channels: [...this.#given] });
    if (this.#read?.channel === this.#ownName) this.#tabs?.say(this.#read);
    this.#inbox?.greet();
    this.#tabs?.say({ event: 'status', status: this.#status });
  }

  /** The other tabs begin where the device stands, unless they have come further. */
  #introduce(channel: Channel | undefined, start?: Started): void {
    if (!channel?.finished || !channel.position) return;
    const { epoch, seq } = channel.position;
    const { head = channel.known, isOverlapping = true, read } = start ?? {};
    const { name } = channel;
    this.#tabs?.say({ event: 'ready', channel: name, epoch, cursor: seq, head, isOverlapping, read });
  }

  changeStatus(status: Status): void {
    if (this.#closing) return;
    if (status.state === 'closed') this.#closeUnlessFollowed(status);
    else if (status.state === 'waiting' || status.state !== this.#status.state) this.#setStatus(status);
    if (status.state !== 'waiting' || status.failures < FAILURES_TO_YIELD) return;
    if (!this.isLeading || !this.#tabs) return;
    this.loseLead();
    this.#tabs.yield();
  }

  /**
   * `replaced` may mean that another tab took the lead while this tab was suspended. Then that tab
   * answers our `hello`, and this tab follows it. Without an answer, another client replaced the
   * connection, and this client closes.
   */
  #closeUnlessFollowed({ reason, message }: Status & { state: 'closed' }): void {
    const close = () => {
      this.#closing ??= this.#close(reason, message);
    };
    if (reason === 'replaced' && this.isLeading && this.#tabs) {
      this.#manager.stop();
      this.#replaced.set(this.world.timing.leaderTickMs, close);
      this.#tabs.say({ event: 'hello' });
    } else close();
  }

  #setStatus(status: Status): void {
    this.#status = status;
    if (this.isLeading) this.#tabs?.say({ event: 'status', status });
    this.#own.emit('status', status);
  }

  async #close(reason: CloseReason, message: string): Promise<void> {
    this.#unwatch();
    this.#signal?.removeEventListener('abort', this.#abort);
    for (const channel of this.#channels.values()) channel.stop();
    await this.#finishHandlers();
    this.acks.flush();
    this.#manager.stop();
    this.#setStatus({ state: 'closed', reason, message });
    this.#tabs?.leave();
    const closed = new HeraldError('closed', `${reason}: ${message}`);
    const error = reason === 'client' ? undefined : closed;
    if (error) this.#own.emit('error', error);
    this.requests.end(closed);
    this.#ending = { error };
    for (const audience of this.#everybody) audience.end(this.#ending);
    this.#endTimers();
  }

  get #everybody(): Audience[] {
    return [this.#own, ...this.#audiences.values()];
  }

  /**
   * A handler that takes too long, or itself waits for `close()`, is not waited for: its message
   * comes again after a restart.
   */
  async #finishHandlers(): Promise<void> {
    const stopped = Promise.all(this.#everybody.map(({ dispatcher }) => dispatcher.stop()));
    const finished = stopped.then(() =>
      Promise.all([...this.#channels.values()].map(({ saving }) => saving)),
    );
    await within(this.world, this.world.timing.closeTimeoutMs, finished).catch(() => {});
  }
}

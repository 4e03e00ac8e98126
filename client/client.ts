/**
 * Puts the parts together: a connection or another tab delivers, a channel orders, the dispatcher
 * hands out.
 */
import type { PublishedFrame } from '../lambdas/protocol/frames.ts';
import { type Ack, Acks, type AcksHost } from './acks.ts';
import { Channels, type ChannelsHost } from './channels.ts';
import { ConnectionManager, type ManagerHost } from './connection-manager.ts';
import { Deliveries, type DeliveriesHost } from './deliveries.ts';
import type { Environment, World } from './environment.ts';
import type { Mark } from './inbox/inbox-frames.ts';
import type { InboxHost, InboxPart } from './inbox/part.ts';
import { checkName, orNone, webSocketUrl } from './option-checks.ts';
import { type Answer, type RequestFrame, Requests, type RequestsHost } from './requests.ts';
import { guarded, loadDeviceId, randomId } from './storage.ts';
import { Subscriptions, type SubscriptionsHost } from './subscriptions.ts';
import { type FollowerMessage, type LeaderMessage, type TabMessage, Tabs, type TabsHost } from './tabs.ts';
import { lifetime, Timer, timingOf } from './timing.ts';
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
export class Client
  implements
    Herald,
    ChannelsHost,
    SubscriptionsHost,
    DeliveriesHost,
    ManagerHost,
    RequestsHost,
    AcksHost,
    TabsHost,
    InboxHost
{
  readonly world: World;
  readonly #url: string;
  readonly storage: KeyValueStorage;
  readonly #tokens: Tokens;
  readonly #mayShare: boolean;
  readonly channels: Channels;
  readonly subscriptions: Subscriptions;
  readonly deliveries: Deliveries;
  readonly acks: Acks;
  readonly requests: Requests;
  readonly inboxPart: InboxPart | undefined;
  /** Whom the latest token names. */
  #subject: string | undefined;
  /** Made up when it is first asked for. */
  #tab: string | undefined;
  #refs = 0;
  #status: Status = { state: 'connecting' };
  #deviceId: string | undefined;
  readonly manager: ConnectionManager;
  /** This tab has the connection, or tries to get it. */
  isLeading = false;
  /** The tabs that share a connection are of one user. Undefined: not shared. */
  #user: string | undefined;
  #tabs: Tabs | undefined;
  /** After a `bye` of code `replaced`: runs while another tab of ours may say that it leads. */
  readonly #replaced: Timer;
  #closing: Promise<void> | undefined;
  /** What to do first when it closes: nothing is heard of the page any more. */
  readonly #unwatch: (() => void)[] = [];
  readonly #endTimers: () => void;

  constructor(url: string, options: Options, env: Environment) {
    const { deviceId, storage, signal, timing, token, tabs = true } = options;
    const { after, end } = lifetime(env.after);
    const world: World = { ...env, after, timing: timingOf(timing) };
    this.#endTimers = end;
    this.#url = webSocketUrl(url);
    if (deviceId !== undefined) checkName('deviceId', deviceId);
    this.world = world;
    this.#tokens = new Tokens(world, token);
    this.#mayShare = env.hasTabs && tabs;
    this.#replaced = new Timer(world);
    this.channels = new Channels(world, this);
    this.subscriptions = new Subscriptions(this);
    this.deliveries = new Deliveries(this);
    this.storage = guarded(storage, world, (error) => this.error(error));
    this.acks = new Acks(world, this.channels.byName, this);
    this.requests = new Requests(world, this);
    this.manager = new ConnectionManager(world, this.#tokens, this);
    this.inboxPart = options.inbox?.(this);
    const abort = () => void this.close();
    signal?.addEventListener('abort', abort);
    this.#unwatch.push(() => signal?.removeEventListener('abort', abort));
    if (signal?.aborted) void this.close();
    else void this.#start(deviceId ?? (storage ? undefined : randomId(world)));
  }

  on<Name extends keyof Events>(name: Name, listener: Listener<AnyTypes, Name>): () => void {
    return this.channels.own.on(name, listener);
  }

  messages(): AsyncIterableIterator<Message> {
    return this.channels.own.messages();
  }

  topic(name: string): Topic {
    checkName('topic', name);
    return this.channels.audience(TOPIC + name);
  }

  get everyone(): Topic {
    return this.channels.audience('everyone');
  }

  async publish({ origin, id = randomId(this.world), ...publication }: Publication): Promise<Published> {
    const tab = origin === 'device' ? undefined : this.tab();
    const published = (await this.ask({ ...publication, action: 'publish', id, tab })) as PublishedFrame;
    return { id: published.id, results: published.results };
  }

  async send(destination: string, data?: unknown): Promise<void> {
    await this.ask({ action: 'send', destination, data });
  }

  get inbox(): InboxPart {
    if (this.inboxPart) return this.inboxPart;
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
    return this.channels.own.cursor;
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
    this.channels.own.emit('error', error);
  }

  ask(frame: Omit<RequestFrame, 'ref'>): Promise<Answer> {
    return this.requests.ask({ ...frame, ref: this.newRef() } as RequestFrame);
  }

  newRef(): string {
    this.#refs += 1;
    return `${this.tab()}.${this.#refs}`;
  }

  /** Leads, until the first token tells with which tabs to share. */
  async #start(known: string | undefined): Promise<void> {
    const deviceId = known ?? (await loadDeviceId(this.storage, this.world));
    if (this.#closing) return;
    this.#deviceId = deviceId;
    this.#unwatch.push(
      this.world.onWake((mayConnect) => this.#wake(mayConnect)),
      this.world.onHide(() => this.acks.flush()),
    );
    this.becomeLeader();
  }

  connectionUrl(): string {
    const url = new URL(this.#url);
    url.searchParams.set('deviceId', this.#deviceId ?? '');
    url.searchParams.set('ack', 'client');
    return url.href;
  }

  #wake(mayConnect: boolean): void {
    if (this.isLeading) this.manager.wake(mayConnect);
    else this.say({ event: 'hello' });
  }

  key(owner: string): string {
    return `herald:${this.#url}:${this.#deviceId}:${owner}`;
  }

  async token(): Promise<string> {
    const token = await this.#tokens.next();
    const subject = subjectOf(token);
    // A guess until the server has said it.
    if (subject !== undefined && subject !== this.#subject) this.inboxPart?.open(`user:${subject}`);
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
    if (this.#user !== undefined) this.channels.dropAll();
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
    this.manager.start(this.#status);
    this.#tellStatus();
  }

  /**
   * Stops leading. Drops the channels that nobody in this tab listens to: from now on the leading
   * tab knows better how far they have come.
   */
  loseLead(): void {
    this.isLeading = false;
    this.#replaced.cancel();
    this.subscriptions.clear();
    this.channels.dropUnheard();
    this.manager.stop();
  }

  say(message: TabMessage): void {
    this.#tabs?.say(message);
  }

  #tellStatus(): void {
    this.say({ event: 'status', status: this.#status });
  }

  shareMarks(marks: Mark[]): void {
    this.say({ event: 'marked', marks });
  }

  onMarks(marks: Mark[]): void {
    this.inboxPart?.adopt(marks);
  }

  tellUses(): void {
    const channels = this.channels.used;
    if (this.isLeading) this.subscriptions.note(this.tab(), channels);
    else this.say({ event: 'use', tab: this.tab(), channels });
  }

  get isClosed(): boolean {
    return !!this.#closing;
  }

  get hasConnection(): boolean {
    return this.isLeading && !this.#closing && this.manager.isReady;
  }

  sync(channel: string, after: number): boolean {
    if (this.isLeading) return this.manager.sync(channel, after);
    this.say({ event: 'sync', channel, after });
    return true;
  }

  acknowledge(acks: Ack[], isUrgent: boolean): Ack[] {
    if (this.isLeading) return this.manager.ack(acks);
    if (acks.length > 0) this.say({ event: 'finished', acks, isUrgent });
    return acks;
  }

  sendRequest(frame: RequestFrame, isAgain: boolean): void {
    if (this.isLeading) this.manager.sendRequest(frame, isAgain);
    else this.say({ event: 'request', frame, isAgain });
  }

  idle(): void {
    for (const channel of this.channels.byName.values()) channel.update();
    this.acks.retry();
  }

  onFollower(message: FollowerMessage): void {
    if (!this.isLeading || this.#closing) return;
    switch (message.event) {
      case 'hello':
        this.deliveries.introduceOwn();
        this.#tellStatus();
        break;
      case 'use':
        this.subscriptions.note(message.tab, message.channels);
        break;
      case 'request':
        this.manager.sendRequest(message.frame, message.isAgain);
        break;
      case 'finished':
        for (const { channel, epoch, seq } of message.acks) {
          this.channels.get(channel)?.note({ epoch, seq });
          if (message.isUrgent) void this.channels.settled(channel);
        }
        break;
      default: {
        const { channel, after } = message;
        this.manager.sync(channel, this.channels.get(channel)?.syncFrom(after) ?? after);
      }
    }
  }

  onLeader(message: LeaderMessage): void {
    if (this.isLeading || this.#closing) return;
    if (message.event !== 'status') this.deliveries.take(message);
    else if (message.status.state !== 'closed' || !OWN_REASONS.includes(message.status.reason))
      this.changeStatus(message.status);
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
      this.manager.stop();
      this.#replaced.set(this.world.timing.leaderTickMs, close);
      this.say({ event: 'hello' });
    } else close();
  }

  #setStatus(status: Status): void {
    this.#status = status;
    if (this.isLeading) this.#tellStatus();
    this.channels.own.emit('status', status);
  }

  async #close(reason: CloseReason, message: string): Promise<void> {
    for (const stop of this.#unwatch) stop();
    await this.channels.stop();
    this.acks.flush();
    this.manager.stop();
    this.#setStatus({ state: 'closed', reason, message });
    this.#tabs?.leave();
    const closed = new HeraldError('closed', `${reason}: ${message}`);
    const error = reason === 'client' ? undefined : closed;
    if (error) this.channels.own.emit('error', error);
    this.requests.end(closed);
    this.channels.end({ error });
    this.#endTimers();
  }
}

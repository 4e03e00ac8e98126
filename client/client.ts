/** Puts the parts together: a connection or another tab delivers, a channel orders, the dispatcher hands out. */
import { Channel } from './channel.ts';
import { ConnectionManager } from './connection-manager.ts';
import type { Delivery, Started } from './delivery.ts';
import { Dispatcher } from './dispatcher.ts';
import { Emitter } from './emitter.ts';
import type { Environment, World } from './environment.ts';
import { type Ending, iterate } from './iterator.ts';
import { tokenOf } from './retry.ts';
import { guarded, loadDeviceId, loadPosition, randomId, savePosition } from './storage.ts';
import { type TabMessage, Tabs } from './tabs.ts';
import { DEFAULT_TIMING, Timer } from './timing.ts';
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

const DEVICE_ID = /^[\w.:-]{1,128}$/;

type Name = keyof Events;

/** Whose token it is: tabs of two users must never hear each other. Throws if it is no JWT. */
const subjectOf = (token: string): string =>
  JSON.parse(atob((token.split('.')[1] as string).replace(/[-_]/g, (sign) => (sign < '0' ? '+' : '/')))).sub;

export class Client implements Herald {
  readonly #world: World;
  readonly #url: string;
  readonly #options: Options;
  readonly #storage: KeyValueStorage;
  readonly #emitter: Emitter;
  readonly #dispatcher: Dispatcher;
  /** By name. The user's own is the first, and so far the only one. */
  readonly #channels = new Map<string, Channel>();
  readonly #ended: Promise<Ending>;
  #end: (ending: Ending) => void = () => {};
  #status: Status = { state: 'connecting' };
  #deviceId = '';
  /** Set in the tab that has the connection. */
  #manager: ConnectionManager | undefined;
  #tabs: Tabs | undefined;
  #closing: Promise<void> | undefined;
  #unwatch: () => void = () => {};

  constructor(url: string, options: Options, env: Environment) {
    const { deviceId, storage, signal, timing } = options;
    if (deviceId !== undefined && !DEVICE_ID.test(deviceId)) throw new TypeError('deviceId');
    const world: World = { ...env, timing: { ...DEFAULT_TIMING, ...timing } };
    this.#world = world;
    this.#url = new URL(url).href;
    this.#options = options;
    this.#emitter = new Emitter(env.report);
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const error = (problem: HeraldError) => this.#emitter.emit('error', problem);
    this.#storage = guarded(storage, error);
    this.#dispatcher = new Dispatcher(world, this.#channels, error);
    signal?.addEventListener('abort', () => void this.close());
    if (signal?.aborted) void this.close();
    else void this.#start();
  }

  on<N extends Name>(name: N, listener: Listener<AnyTypes, N>): () => void {
    return name === 'message'
      ? this.#dispatcher.add(listener as (message: Message) => unknown)
      : this.#emitter.add(name, listener);
  }

  messages(): AsyncIterableIterator<Message> {
    return iterate(this.#dispatcher, this.#ended);
  }

  get status(): Status {
    return this.#status;
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

  async #start(): Promise<void> {
    const { hasTabs, locks, openBroadcast } = this.#world;
    const deviceId = this.#options.deviceId ?? (await loadDeviceId(this.#storage, this.#world));
    if (this.#closing) return;
    this.#deviceId = deviceId;
    this.#unwatch = this.#world.onWake(() => this.#manager?.wake());
    if (!hasTabs || this.#options.tabs === false) return this.#connect(deviceId);
    // Tabs that cannot agree on one connection must not displace each other's.
    const user = await tokenOf(this.#options.token)
      .then(subjectOf)
      .catch(() => {});
    if (this.#closing) return;
    if (!locks || !openBroadcast || !user) {
      return this.#connect(`${deviceId.slice(0, 100)}.${randomId(this.#world)}`);
    }
    const name = this.#key(user);
    this.#tabs = new Tabs(openBroadcast(name), locks, name, {
      becomeLeader: () => this.#connect(deviceId),
      onTabMessage: (message) => this.#onTabMessage(message),
    });
  }

  #key(owner: string): string {
    return `herald:${this.#url}:${this.#deviceId}:${owner}`;
  }

  #connect(deviceId: string): void {
    const url = new URL(this.#url);
    url.searchParams.set('deviceId', deviceId);
    url.searchParams.set('ack', 'client');
    this.#manager = new ConnectionManager(this.#world, url.href, this.#options.token, {
      status: (status) => this.#changeStatus(status),
      error: (error) => this.#emitter.emit('error', error),
      begin: (start) => this.#begin(start),
      deliver: (delivery) => {
        this.#tabs?.say(delivery);
        this.#deliver(delivery);
      },
      settled: () => this.#own?.settled ?? 0,
      idle: () => this.#own?.update(),
    });
    this.#manager.start();
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
    this.#own?.stop();
    this.#channels.clear();
    const channel = new Channel(name, this.#world, {
      sync: (_, after) => this.#sync(after),
      ack: (of, position) => this.#manager?.ack(of, position) ?? false,
      save: (of, position, isAnew) => savePosition(this.#storage, this.#key(of), position, isAnew),
      progressed: () => this.#dispatcher.wake(),
      expired: (event) => this.#emitter.emit('expired', event),
      reset: (event) => this.#emitter.emit('reset', event),
    });
    this.#channels.set(name, channel);
    return channel;
  }

  /** A tab that was not told yet where its channel begins cannot take what belongs to it. */
  #deliver(delivery: Delivery): void {
    if (delivery.event === 'ready') this.#channel(delivery.channel).take(delivery);
    else if (delivery.event === 'pong') this.#own?.take(delivery);
    else this.#channels.get(delivery.channel)?.take(delivery);
  }

  #sync(after: number): boolean {
    if (this.#manager) return this.#manager.sync(after);
    this.#tabs?.say({ event: 'sync', after });
    return true;
  }

  /** The leader hears what the other tabs want, and they hear what it delivers. */
  #onTabMessage(message: TabMessage): void {
    if (this.#closing) return;
    const settled = this.#own?.settled ?? 0;
    if (message.event === 'hello') {
      if (this.#manager) this.#introduce({ head: settled, isOverlapping: true });
    } else if (message.event === 'sync') this.#manager?.sync(Math.min(message.after, settled));
    else if (this.#manager) return;
    else if (message.event !== 'status') this.#deliver(message);
    else if (message.status.state !== 'closed' || message.status.reason !== 'client')
      this.#changeStatus(message.status);
  }

  /** The other tabs begin where the device stands, unless they have come further. */
  #introduce({ head, isOverlapping }: Pick<Started, 'head' | 'isOverlapping'>): void {
    const own = this.#own;
    if (own?.finished) {
      const { epoch, seq } = own.finished;
      this.#tabs?.say({ event: 'ready', channel: own.name, epoch, cursor: seq, head, isOverlapping });
    }
    this.#tabs?.say({ event: 'status', status: this.#status });
  }

  #changeStatus(status: Status): void {
    if (status.state === 'closed') this.#closing ??= this.#close(status.reason, status.message);
    else if (!this.#closing && (status.state === 'waiting' || status.state !== this.#status.state)) {
      this.#setStatus(status);
    }
  }

  #setStatus(status: Status): void {
    this.#status = status;
    if (this.#manager) this.#tabs?.say({ event: 'status', status });
    this.#emitter.emit('status', status);
  }

  async #close(reason: CloseReason, message: string): Promise<void> {
    this.#unwatch();
    this.#own?.stop();
    await this.#finishHandlers();
    this.#own?.ack();
    this.#manager?.stop();
    this.#setStatus({ state: 'closed', reason, message });
    this.#tabs?.leave();
    const error = reason === 'client' ? undefined : new HeraldError('closed', `${reason}: ${message}`);
    if (error) this.#emitter.emit('error', error);
    this.#end({ error });
  }

  /** A handler that takes too long, or itself waits for `close()`, is not waited for: its message comes again after a restart. */
  async #finishHandlers(): Promise<void> {
    const patience = new Timer(this.#world);
    const enough = new Promise<void>((resolve) => patience.set(this.#world.timing.closeTimeoutMs, resolve));
    const finished = this.#dispatcher.stop().then(() => this.#own?.saving);
    await Promise.race([finished, enough]);
    patience.cancel();
  }
}

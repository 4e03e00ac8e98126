/** Puts the parts together: a link or another tab delivers, the receiver orders, the dispatcher hands out, the settler keeps the position. */
import { Dispatcher } from './dispatcher.ts';
import { Emitter } from './emitter.ts';
import type { Environment, World } from './environment.ts';
import { type Ending, iterate } from './iterator.ts';
import { Link } from './link.ts';
import { Receiver, type Started } from './receiver.ts';
import { tokenOf } from './retry.ts';
import { Settler } from './settler.ts';
import { loadDeviceId, loadPosition, mended, randomId } from './storage.ts';
import { Tabs, type Word } from './tabs.ts';
import { Timer } from './timer.ts';
import { DEFAULT_TIMING } from './timing.ts';
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

export class Session implements Herald {
  readonly #world: World;
  readonly #url: string;
  readonly #options: Options;
  readonly #storage: KeyValueStorage;
  readonly #emitter: Emitter;
  readonly #receiver: Receiver;
  readonly #dispatcher: Dispatcher;
  readonly #settler: Settler;
  readonly #ended: Promise<Ending>;
  #end: (ending: Ending) => void = () => {};
  #status: Status = { state: 'connecting' };
  #deviceId = '';
  /** Set in the tab that has the connection. */
  #link: Link | undefined;
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
    this.#storage = mended(storage, error);
    this.#receiver = new Receiver(world, {
      sync: (after) => this.#sync(after),
      progressed: () => this.#progressed(),
      expired: (event) => this.#emitter.emit('expired', event),
      reset: (event) => this.#emitter.emit('reset', event),
    });
    const finished = () => {
      this.#keep();
      this.#receiver.update();
    };
    this.#dispatcher = new Dispatcher(world, () => this.#receiver.inbox, { finished, error });
    this.#settler = new Settler(world, this.#storage, (position) => this.#link?.ack(position) ?? false);
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
    return this.#receiver.inbox.finished;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close('client', 'closed');
    return this.#closing;
  }

  async #start(): Promise<void> {
    const { hasTabs, locks, openChannel } = this.#world;
    const deviceId = this.#options.deviceId ?? (await loadDeviceId(this.#storage, this.#world));
    if (this.#closing) return;
    this.#deviceId = deviceId;
    this.#unwatch = this.#world.onWake(() => this.#link?.wake());
    if (!hasTabs || this.#options.tabs === false) return this.#lead(deviceId);
    // Tabs that cannot agree on one connection must not displace each other's.
    const user = await tokenOf(this.#options.token)
      .then(subjectOf)
      .catch(() => {});
    if (this.#closing) return;
    if (!locks || !openChannel || !user) {
      return this.#lead(`${deviceId.slice(0, 100)}.${randomId(this.#world)}`);
    }
    const name = this.#key(user);
    const lead = () => this.#lead(deviceId);
    this.#tabs = new Tabs(openChannel(name), locks, name, lead, (word) => this.#hear(word));
  }

  #key(owner: string): string {
    return `herald:${this.#url}:${this.#deviceId}:${owner}`;
  }

  #lead(deviceId: string): void {
    const url = new URL(this.#url);
    url.searchParams.set('deviceId', deviceId);
    url.searchParams.set('ack', 'client');
    this.#link = new Link(this.#world, url.href, this.#options.token, {
      status: (status) => this.#changeStatus(status),
      error: (error) => this.#emitter.emit('error', error),
      start: (start) => this.#begin(start),
      deliver: (delivery) => {
        this.#tabs?.say(delivery);
        this.#receiver.take(delivery);
      },
      settled: () => this.#receiver.inbox.settled,
      idle: () => this.#receiver.update(),
    });
    this.#link.start();
  }

  async #begin(start: Started): Promise<boolean> {
    const key = this.#key(start.channel);
    const kept =
      this.#receiver.channel === start.channel ? undefined : await loadPosition(this.#storage, key);
    if (this.#closing) return false;
    const isAnew = this.#receiver.start(start, kept);
    const { finished } = this.#receiver.inbox;
    if (finished) this.#settler.begin(key, finished, start.cursor, isAnew);
    this.#introduce(start);
    return isAnew;
  }

  #sync(after: number): boolean {
    if (this.#link) return this.#link.sync(after);
    this.#tabs?.say({ event: 'sync', after });
    return true;
  }

  #progressed(): void {
    this.#dispatcher.wake();
    this.#keep();
  }

  /** The leader's position is the device's. */
  #keep(): void {
    const { finished } = this.#receiver.inbox;
    if (this.#link && finished) this.#settler.note(finished);
  }

  /** The leader hears what the others want, and they what it delivers. */
  #hear(word: Word): void {
    if (this.#closing) return;
    const { settled } = this.#receiver.inbox;
    if (word.event === 'hello') {
      if (this.#link) this.#introduce({ head: settled, isOverlapping: true });
    } else if (word.event === 'sync') this.#link?.sync(Math.min(word.after, settled));
    else if (this.#link) return;
    else if (word.event !== 'status') this.#receiver.take(word);
    else if (word.status.state !== 'closed' || word.status.reason !== 'client')
      this.#changeStatus(word.status);
  }

  /** The other tabs begin where the device stands, unless they have come further. */
  #introduce({ head, isOverlapping }: Pick<Started, 'head' | 'isOverlapping'>): void {
    const { inbox, channel } = this.#receiver;
    if (channel && inbox.finished) {
      const { epoch, seq } = inbox.finished;
      this.#tabs?.say({ event: 'ready', channel, epoch, cursor: seq, head, isOverlapping });
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
    if (this.#link) this.#tabs?.say({ event: 'status', status });
    this.#emitter.emit('status', status);
  }

  async #close(reason: CloseReason, message: string): Promise<void> {
    this.#unwatch();
    this.#receiver.stop();
    await this.#finishHandlers();
    this.#settler.ack();
    this.#link?.stop();
    this.#setStatus({ state: 'closed', reason, message });
    this.#tabs?.leave();
    const error = reason === 'client' ? undefined : new HeraldError('closed', `${reason}: ${message}`);
    if (error) this.#emitter.emit('error', error);
    this.#end({ error });
  }

  /** A handler that takes too long, or itself waits for us, is not waited for: its message comes again after a restart. */
  async #finishHandlers(): Promise<void> {
    const patience = new Timer(this.#world);
    const enough = new Promise<void>((resolve) => patience.set(this.#world.timing.closeTimeoutMs, resolve));
    const finished = this.#dispatcher.stop().then(() => this.#settler.saving);
    await Promise.race([finished, enough]);
    patience.cancel();
  }
}

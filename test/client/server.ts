/**
 * A small honest model of the protocol: a log for each channel, a cursor for each device in each, replays in windows, and live posts
 * that may be late, lost, doubled or out of order. A replay's frames keep their order, since the server posts each after the one before.
 */

import type { Mark, ReadState } from '../../client/inbox/inbox-frames.ts';
import { isRead, marked, NOTHING_READ } from '../../client/inbox/read-state.ts';
import { subjectOf } from '../../client/token.ts';
import type { Socket } from '../../client/types.ts';
import type { Ack, ClientFrame } from '../../lambdas/protocol/client-frame.ts';
import { BYES, type ByeCode } from '../../lambdas/protocol/errors.ts';
import { parseClientFrame, parsePublishFrame } from '../../lambdas/wire/herald/parse.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface Stored {
  seq: number;
  id: string;
  type: string;
  data: unknown;
  sentAt: number;
  /** The device that caused it is not told. */
  origin?: string | undefined;
  /** The tab that caused it is named to its device. */
  tab?: string | undefined;
  isExpired?: boolean;
  /** Its ack is not to wait. */
  ack?: 'now';
  /** It is no message but the place of a withdrawal, of these. */
  withdraws?: number[];
}

/** How the network misbehaves. Each is asked for every frame. */
export interface Network {
  delayMs(): number;
  losesLive(): boolean;
  doublesLive(): boolean;
}

export const goodNetwork: Network = { delayMs: () => 5, losesLive: () => false, doublesLive: () => false };

const WINDOW_FRAMES = 16;

/** One ordered log. */
export class Log {
  readonly channel: string;
  epoch: string;
  messages: Stored[] = [];

  constructor(channel: string, epoch: string) {
    this.channel = channel;
    this.epoch = epoch;
  }

  get head(): number {
    return this.messages.length;
  }
}

/** What a client said. */
export interface Heard {
  action: string;
  channel?: string;
  seq?: number;
  after?: number;
  epoch?: string;
  acks?: { channel: string; seq: number }[];
  connection: number;
  [field: string]: unknown;
}

export class Server {
  readonly time: VirtualTime;
  network: Network = goodNetwork;
  /** The user's own channel, whichever user it is. */
  readonly own = new Log('user', 'epoch-1');
  readonly #logs = new Map<string, Log>();
  readonly cursors = new Map<string, number>();
  readonly sockets: FakeSocket[] = [];
  /** Of these tokens no handshake is accepted. */
  readonly badTokens = new Set<string>();
  /** Handshakes are refused while it is set: with this HTTP status, or 0 when there is no server. */
  refusal: number | undefined;
  messagesPerFrame = 3;
  /** Whose alice's tokens, and those that are no JWT, are. */
  userId = 'alice';
  pongs = true;
  replays = true;
  /** Topics that the user is a member of. */
  readonly memberOf = new Set<string>();
  /** Topics that the user may not subscribe to, unless a member. */
  readonly forbidden = new Set<string>();
  /** By topic: where the user last joined it. Who is only a member hears nothing of before. */
  readonly #joinedAt = new Map<string, number>();
  /** Channels whose `publish` is answered with this error, and how often still. */
  readonly publishFaults: object[] = [];
  /** As {@link publishFaults}, of `history`. */
  readonly historyFaults: object[] = [];
  /** What to leave unanswered: as if the server had lost it. */
  readonly lost = new Set<string>();
  /** What was published, by its id. */
  readonly published = new Map<string, Stored>();
  /** Messages to the application. */
  readonly taken: unknown[] = [];
  /** What the user has read of the own channel. */
  read: ReadState = NOTHING_READ;
  /** What clients said, in order. */
  readonly heard: Heard[] = [];

  constructor(time: VirtualTime) {
    this.time = time;
  }

  get log(): Stored[] {
    return this.own.messages;
  }

  get epoch(): string {
    return this.own.epoch;
  }

  get head(): number {
    return this.own.head;
  }

  get open(): FakeSocket[] {
    return this.sockets.filter((socket) => socket.isOpen);
  }

  /** What was said of these actions. */
  heardOf(...actions: string[]): Heard[] {
    return this.heard.filter(({ action }) => actions.includes(action));
  }

  logOf(channel: string): Log {
    if (channel.startsWith('user:')) return this.own;
    const log = this.#logs.get(channel) ?? new Log(channel, `epoch of ${channel}`);
    this.#logs.set(channel, log);
    return log;
  }

  cursorOf(deviceId: string, log = this.own): number {
    return this.cursors.get(this.#cursorKey(deviceId, log)) ?? 0;
  }

  hasCursor(deviceId: string, log: Log): boolean {
    return this.cursors.has(this.#cursorKey(deviceId, log));
  }

  publish(data: unknown = this.head + 1, origin?: string, tab?: string): Stored {
    return this.publishTo(this.own, data, origin, tab);
  }

  /** Its ack is not to wait. */
  publishUrgent(): void {
    const { log } = this;
    const message: Stored = {
      seq: this.head + 1,
      id: 'urgent',
      type: 'test',
      data: 1,
      sentAt: 0,
      ack: 'now',
    };
    log.push(message);
    for (const socket of this.open) socket.postLive(this.own, message);
  }

  publishTo(log: Log, data?: unknown, origin?: string, tab?: string, id?: string): Stored {
    const seq = log.head + 1;
    const message = { seq, id: id ?? `m${seq}`, type: 'test', data, sentAt: this.time.now, origin, tab };
    log.messages.push(message);
    for (const socket of this.open) socket.postLive(log, message);
    if (origin !== undefined && this.cursorOf(origin, log) === seq - 1) this.advance(origin, seq, log);
    return message;
  }

  /** Whether it is there for a history to show. */
  isShown = (message: Stored): boolean => !message.isExpired && !message.withdraws;

  /** The messages of the user's inbox, newest first, as every device should show them. */
  get inbox(): { seq: number; read: boolean }[] {
    const shown = this.log.filter(this.isShown).map(({ seq }) => ({ seq, read: isRead(this.read, seq) }));
    return shown.reverse();
  }

  get unread(): number {
    return this.inbox.filter(({ read }) => !read).length;
  }

  /** Another device, or a service, has marked something; or this one. */
  mark(mark: Pick<Mark, 'form' | 'seq'>): void {
    const state = marked(this.read, { id: '', ...mark });
    if (state === this.read) return;
    this.read = { ...state, version: this.read.version + 1 };
    for (const socket of this.open) socket.postRead();
  }

  /** The content of a message is deleted. */
  withdraw(seq: number): void {
    const message = this.log[seq - 1];
    if (!message || !this.isShown(message)) return;
    message.isExpired = true;
    const place = { ...message, seq: this.head + 1, isExpired: true, withdraws: [seq], origin: undefined };
    this.log.push(place);
    for (const socket of this.open) socket.postWithdrawn(place);
  }

  /** The user is a member from now on, or no longer, and open connections hear of it. */
  join(topic: string): void {
    this.memberOf.add(topic);
    this.#joinedAt.set(topic, this.logOf(`topic:${topic}`).head);
    for (const socket of this.open) void socket.give(topic);
  }

  /** What comes before is not for the user. */
  floorOf({ channel }: Log): number {
    const topic = channel.slice('topic:'.length);
    return this.forbidden.has(topic) ? (this.#joinedAt.get(topic) ?? 0) : 0;
  }

  remove(topic: string): void {
    this.memberOf.delete(topic);
    for (const socket of this.open) socket.leave(`topic:${topic}`, 'removed');
  }

  /** The numbering begins anew. */
  forget(epoch: string, log = this.own): void {
    log.epoch = epoch;
    log.messages = [];
    if (log === this.own) this.read = NOTHING_READ;
  }

  advance(deviceId: string, seq: number, log = this.own): void {
    this.cursors.set(this.#cursorKey(deviceId, log), Math.max(seq, this.cursorOf(deviceId, log)));
  }

  /** Every connection is cut; what was on its way is lost. */
  cut(): void {
    for (const socket of this.sockets) socket.drop(1006);
  }

  bye(code: ByeCode, extra: object = {}): void {
    for (const socket of this.open) socket.bye(code, extra);
  }

  #cursorKey(deviceId: string, { channel, epoch }: Log): string {
    return `${channel}/${epoch}/${deviceId}`;
  }

  readonly connect = (url: string, protocols: string[]): Socket => {
    const socket = new FakeSocket(this, new URL(url), protocols, this.sockets.length);
    this.sockets.push(socket);
    return socket;
  };
}

export class FakeSocket implements Socket {
  readyState = 0;
  onopen: ((event: never) => unknown) | null = null;
  onmessage: ((event: never) => unknown) | null = null;
  onerror: ((event: never) => unknown) | null = null;
  onclose: ((event: never) => unknown) | null = null;
  readonly url: URL;
  readonly token: string;
  readonly deviceId: string;
  readonly userId: string;
  readonly #server: Server;
  readonly #number: number;
  readonly #isHandover: boolean;
  /** The server may post live messages to it. */
  #isReady = false;
  /** What it hears besides the user's own channel: whether it has asked for it. */
  readonly subscriptions = new Map<string, { isAsked: boolean }>();
  /** Half open: nothing arrives on either side, and nobody is told. */
  isSevered = false;

  constructor(server: Server, url: URL, [name, bearer = '']: string[], number: number) {
    if (name !== 'herald.v1' || !bearer.startsWith('bearer.')) throw new Error('wrong sub-protocols');
    this.#server = server;
    this.url = url;
    this.#number = number;
    this.token = bearer.slice('bearer.'.length);
    const user = subjectOf(this.token) ?? 'alice';
    this.userId = user === 'alice' ? server.userId : user;
    this.deviceId = url.searchParams.get('deviceId') ?? '';
    this.#isHandover = url.searchParams.get('handover') === '1';
    if (url.searchParams.get('ack') !== 'client') throw new Error('expected ack=client');
    server.time.after(server.network.delayMs(), () => this.#shakeHands());
  }

  get isOpen(): boolean {
    return this.readyState === 1;
  }

  get channel(): string {
    return `user:${this.userId}`;
  }

  send(text: string): void {
    if (!this.isOpen) throw new Error('not open');
    if (this.isSevered) return;
    this.#server.time.after(this.#server.network.delayMs(), () => this.#handleFrame(text));
  }

  close(): void {
    this.#isReady = false;
    this.readyState = 3;
  }

  drop(code: number): void {
    this.#isReady = false;
    if (this.readyState > 1 || this.isSevered) return;
    this.readyState = 3;
    this.onclose?.({ code } as never);
  }

  bye(code: ByeCode, extra: object = {}): void {
    this.#isReady = false;
    const frame = { event: 'bye', code, ...BYES[code], retryAfterMs: 0, ...extra };
    void this.#post(frame).then(() => this.drop(1000));
  }

  postLive(log: Log, message: Stored): void {
    const channel = log === this.#server.own ? this.channel : log.channel;
    const isHeard = channel === this.channel || this.subscriptions.has(channel);
    if (!this.#isReady || !isHeard || message.origin === this.deviceId) return;
    const { network } = this.#server;
    const frame = { event: 'message', channel, ...wire(message) };
    if (!network.losesLive()) void this.#post(frame);
    if (network.doublesLive()) void this.#post(frame);
  }

  postWithdrawn({ seq, withdraws: seqs }: Stored): void {
    const { network } = this.#server;
    const frame = { event: 'withdrawn', channel: this.channel, seq, seqs };
    if (!this.#isReady) return;
    if (!network.losesLive()) void this.#post(frame);
    if (network.doublesLive()) void this.#post(frame);
  }

  postRead(): void {
    const { read, unread, epoch, network } = this.#server;
    const frame = { event: 'read', channel: this.channel, epoch, ...read, unread };
    void this.#post(frame);
    if (network.doublesLive()) void this.#post(frame);
  }

  raw(text: string): void {
    if (this.isOpen && !this.isSevered) this.onmessage?.({ data: text } as never);
  }

  /** As the server drives a connection: at least once, also twice at a time. */
  async drive(): Promise<void> {
    const { own, time, memberOf } = this.#server;
    const { channel, userId, deviceId } = this;
    for (const name of ['everyone', ...[...memberOf].map((topic) => `topic:${topic}`)])
      if (!this.subscriptions.has(name)) this.subscriptions.set(name, { isAsked: false });
    const states = [...this.subscriptions.keys()].map((name) => this.#stateOf(name));
    const cursor = this.#server.cursorOf(deviceId);
    const ready = { event: 'ready', connectionId: `c${this.#number}`, userId, deviceId, channel };
    const { epoch, head } = own;
    const { read } = this.#server;
    await this.#post({ ...ready, epoch, head, cursor, subscriptions: states, read, serverAt: time.now });
    if (!this.isOpen) return;
    this.#isReady = true;
    if (this.#isHandover) this.#relieve();
    const behind = states.filter((state) => state.cursor < this.#server.logOf(state.channel).head);
    await Promise.all([
      this.replay(channel, cursor),
      ...behind.map((state) => this.replay(state.channel, state.cursor)),
    ]);
  }

  /** The user has become a member. */
  async give(topic: string): Promise<void> {
    const channel = `topic:${topic}`;
    if (!this.#isReady || this.subscriptions.has(channel)) return;
    this.subscriptions.set(channel, { isAsked: false });
    await this.#subscribed(channel);
  }

  leave(channel: string, code: 'requested' | 'removed', ref?: string): void {
    if (code === 'removed' && this.subscriptions.get(channel)?.isAsked !== false) return;
    this.subscriptions.delete(channel);
    void this.#post({ event: 'unsubscribed', channel, code, ref });
  }

  async replay(channel: string, after: number): Promise<void> {
    if (!this.#server.replays) return;
    const { messagesPerFrame } = this.#server;
    const { messages: log, epoch, head } = this.#server.logOf(channel);
    let settled = Math.min(Math.max(after, this.#server.floorOf(this.#server.logOf(channel))), head);
    for (let frames = 0; frames < WINDOW_FRAMES; frames++) {
      const through = Math.min(head, settled + messagesPerFrame);
      const slice = log.slice(settled, through);
      const messages = slice.filter((one) => !one.isExpired && one.origin !== this.deviceId).map(wire);
      const expired = slice.filter((one) => one.isExpired).length;
      const withdrawn = slice.flatMap((one) => one.withdraws ?? []);
      const more = through < head;
      const bounds = { after: settled, through, expired, more };
      await this.#post({ event: 'replay', channel, epoch, messages, ...bounds, withdrawn });
      if (!this.isOpen || !more) return;
      settled = through;
    }
  }

  /** Where the device stands in a channel. New to it, it begins at the head; `after`: what it says it has, it has. */
  #stateOf(channel: string, after?: number) {
    const server = this.#server;
    const log = server.logOf(channel);
    if (after !== undefined) server.advance(this.deviceId, after, log);
    else if (!server.hasCursor(this.deviceId, log)) server.advance(this.deviceId, log.head, log);
    const { epoch, head } = log;
    const cursor = Math.max(after ?? server.cursorOf(this.deviceId, log), server.floorOf(log));
    return { channel, epoch, head, cursor };
  }

  async #subscribed(channel: string, ref?: string, after?: number): Promise<void> {
    const state = this.#stateOf(channel, after);
    await this.#post({ event: 'subscribed', ...state, ref });
    if (this.isOpen && state.cursor < state.head) await this.replay(channel, state.cursor);
  }

  #shakeHands(): void {
    if (this.readyState !== 0) return;
    const { sockets, badTokens } = this.#server;
    const refusal = badTokens.has(this.token) ? 0 : this.#server.refusal;
    if (refusal !== undefined) {
      this.readyState = 3;
      this.onerror?.({ message: refusal ? `Unexpected server response: ${refusal}` : 'network' } as never);
      this.onclose?.({ code: 1006 } as never);
      return;
    }
    this.readyState = 1;
    if (!this.#isHandover) for (const other of sockets) if (this.#replaces(other)) other.bye('replaced');
    this.onopen?.({} as never);
    void this.drive();
  }

  #relieve(): void {
    for (const other of this.#server.sockets) if (this.#replaces(other)) other.bye('replaced');
  }

  #replaces(other: FakeSocket): boolean {
    return (
      other !== this &&
      other.isOpen &&
      other.deviceId === this.deviceId &&
      other.userId === this.userId &&
      other.#number < this.#number
    );
  }

  async #handleFrame(text: string): Promise<void> {
    const { action, ref, ...fields } = JSON.parse(text);
    // Of a connection that has just opened: this server starts it anyway.
    if (action === 'sync' && fields.channel === undefined) return;
    this.#server.heard.push({ action, ref, ...fields, connection: this.#number });
    if (!this.isOpen || this.#server.lost.has(action)) return;
    if (action === 'publish') this.#publish(text, ref);
    else if (action === 'history') this.#history(fields, ref);
    else if (action === 'read') this.#mark(fields, ref);
    else await this.#obey(parseClientFrame(text));
  }

  async #obey(frame: ClientFrame): Promise<void> {
    const { ref } = frame;
    switch (frame.action) {
      case 'ping':
        if (frame.acks) this.#ack(frame.acks, ref);
        return this.#pong();
      case 'sync': {
        const { channel = this.channel, after = 0, epoch } = frame;
        const log = this.#server.logOf(channel);
        if (channel !== this.channel && !this.subscriptions.has(channel))
          return this.#refuse('not_subscribed', ref);
        if (epoch !== undefined && epoch !== log.epoch) return this.#refuse('epoch_mismatch', ref);
        return await this.replay(channel, after);
      }
      case 'ack':
        return this.#ack(frame.acks, ref);
      case 'subscribe':
        return await this.#subscribe(frame.channel, frame, ref);
      case 'unsubscribe':
        return this.leave(frame.channel, 'requested', ref);
      case 'send':
        this.#server.taken.push({ destination: frame.destination, data: frame.data });
        void this.#post({ event: 'taken', ref });
    }
  }

  #pong(): void {
    if (!this.#server.pongs) return;
    const { epoch, head } = this.#server.own;
    const subscriptions = [...this.subscriptions.keys()].map((channel) => {
      const { epoch, head } = this.#server.logOf(channel);
      return { channel, epoch, head };
    });
    void this.#post({ event: 'pong', epoch, head, subscriptions, serverAt: this.#server.time.now });
  }

  #ack(acks: Ack[], ref?: string): void {
    const server = this.#server;
    const named = acks.map(({ channel = this.channel, ...ack }) => ({ ...ack, log: server.logOf(channel) }));
    if (named.some(({ epoch, log }) => epoch !== undefined && epoch !== log.epoch))
      this.#refuse('epoch_mismatch', ref);
    else if (named.some(({ seq, log }) => seq > log.head)) this.#refuse('ack_past_head', ref);
    else for (const { seq, log } of named) server.advance(this.deviceId, seq, log);
  }

  async #subscribe(
    channel: string,
    from: { after?: number | undefined; epoch?: string | undefined },
    ref?: string,
  ) {
    const server = this.#server;
    const topic = channel.slice('topic:'.length);
    if (server.forbidden.has(topic) && !server.memberOf.has(topic)) return this.#refuse('forbidden', ref);
    const { epoch, head } = server.logOf(channel);
    const isOfThis = from.epoch === undefined || from.epoch === epoch;
    const after = from.after === undefined ? undefined : isOfThis ? Math.min(from.after, head) : 0;
    this.subscriptions.set(channel, { isAsked: true });
    await this.#subscribed(channel, ref, after);
  }

  #publish(text: string, ref?: string): void {
    const server = this.#server;
    const fault = server.publishFaults.shift();
    if (fault) return void this.#post({ event: 'error', message: 'no', retryable: false, ...fault, ref });
    const { notification, tab } = parsePublishFrame(text);
    const { channels, data, id = `made up ${server.heard.length}` } = notification;
    const results = channels.map(({ name }) => {
      const key = `${name}/${id}`;
      const known = server.published.get(key);
      const origin = tab === undefined ? this.deviceId : undefined;
      const { seq } = known ?? server.publishTo(server.logOf(name), data, origin, tab, id);
      if (!known) server.published.set(key, server.logOf(name).messages[seq - 1] as Stored);
      return { channel: name, seq, duplicate: known !== undefined };
    });
    void this.#post({ event: 'published', ref, id, results });
  }

  #history({ before = Number.POSITIVE_INFINITY, limit = 20 }: Record<string, number>, ref?: string): void {
    const { read, unread, epoch, log, isShown, historyFaults } = this.#server;
    const fault = historyFaults.shift();
    if (fault) return void this.#post({ event: 'error', message: 'no', retryable: false, ...fault, ref });
    const shown = log.filter((message) => isShown(message) && message.seq < before).reverse();
    const messages = shown.slice(0, limit).map((one) => ({ ...wire(one), read: isRead(read, one.seq) }));
    const more = shown.length > messages.length;
    void this.#post({ event: 'history', ref, channel: this.channel, epoch, messages, more, unread });
  }

  #mark({ through, seqs, unread }: { through?: number; seqs?: number[]; unread?: number[] }, ref?: string) {
    const server = this.#server;
    const all = [through ?? [], seqs ?? [], unread ?? []].flat();
    if (all.some((seq) => seq > server.head)) return this.#refuse('ack_past_head', ref);
    const form = through !== undefined ? 'through' : seqs ? 'seqs' : 'unread';
    const before = server.read;
    const state = all.reduce((read, seq) => marked(read, { id: '', form, seq }), before);
    if (state === before) return;
    server.read = { ...state, version: before.version + 1 };
    for (const socket of server.open) socket.postRead();
  }

  #refuse(code: string, ref?: string): void {
    void this.#post({ event: 'error', code, message: code, retryable: false, ref });
  }

  async #post(frame: object): Promise<void> {
    const text = JSON.stringify(frame);
    await this.#server.time.sleep(this.#server.network.delayMs());
    this.raw(text);
  }
}

const wire = ({ tab: origin, seq, id, type, data, sentAt, ack }: Stored) => ({
  ...{ seq, id, type, data, sentAt, origin, ack },
});

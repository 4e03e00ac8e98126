/**
 * A small honest model of the protocol: a log, a cursor for each device, replays in windows, and live posts that may be late, lost,
 * doubled or out of order. A replay's frames keep their order, since the server posts each after the one before.
 */

import { subjectOf } from '../../client/token.ts';
import type { Socket } from '../../client/types.ts';
import { BYES, type ByeCode } from '../../lambdas/protocol/errors.ts';
import { parseClientFrame } from '../../lambdas/wire/herald/parse.ts';
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
}

/** How the network misbehaves. Each is asked for every frame. */
export interface Network {
  delayMs(): number;
  losesLive(): boolean;
  doublesLive(): boolean;
}

export const goodNetwork: Network = { delayMs: () => 5, losesLive: () => false, doublesLive: () => false };

const WINDOW_FRAMES = 16;

export class Server {
  readonly time: VirtualTime;
  network: Network = goodNetwork;
  epoch = 'epoch-1';
  log: Stored[] = [];
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
  /** What clients said, in order. */
  readonly heard: { action: string; seq?: number; after?: number; connection: number }[] = [];

  constructor(time: VirtualTime) {
    this.time = time;
  }

  get head(): number {
    return this.log.length;
  }

  get open(): FakeSocket[] {
    return this.sockets.filter((socket) => socket.isOpen);
  }

  cursorOf(deviceId: string): number {
    return this.cursors.get(`${this.epoch}/${deviceId}`) ?? 0;
  }

  publish(data: unknown = this.head + 1, origin?: string, tab?: string): Stored {
    const seq = this.head + 1;
    const message = { seq, id: `m${seq}`, type: 'test', data, sentAt: this.time.now, origin, tab };
    this.log.push(message);
    for (const socket of this.open) socket.postLive(message);
    if (origin !== undefined && this.cursorOf(origin) === seq - 1) this.advance(origin, seq);
    return message;
  }

  /** The numbering begins anew. */
  forget(epoch: string): void {
    this.epoch = epoch;
    this.log = [];
  }

  advance(deviceId: string, seq: number): void {
    this.cursors.set(`${this.epoch}/${deviceId}`, Math.max(seq, this.cursorOf(deviceId)));
  }

  /** Every connection is cut; what was on its way is lost. */
  cut(): void {
    for (const socket of this.sockets) socket.drop(1006);
  }

  bye(code: ByeCode, extra: object = {}): void {
    for (const socket of this.open) socket.bye(code, extra);
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

  postLive(message: Stored): void {
    if (!this.#isReady || message.origin === this.deviceId) return;
    const { network } = this.#server;
    const frame = { event: 'message', channel: this.channel, ...wire(message) };
    if (!network.losesLive()) void this.#post(frame);
    if (network.doublesLive()) void this.#post(frame);
  }

  raw(text: string): void {
    if (this.isOpen && !this.isSevered) this.onmessage?.({ data: text } as never);
  }

  /** As the server drives a connection: at least once, also twice at a time. */
  async drive(after?: number): Promise<void> {
    const { epoch, head, time } = this.#server;
    const { channel, userId } = this;
    const cursor = this.#server.cursorOf(this.deviceId);
    const ready = { event: 'ready', connectionId: `c${this.#number}`, userId, deviceId: this.deviceId };
    await this.#post({ ...ready, channel, epoch, head, cursor, serverAt: time.now });
    if (!this.isOpen) return;
    this.#isReady = true;
    if (this.#isHandover) this.#relieve();
    await this.replay(after ?? cursor);
  }

  async replay(after: number): Promise<void> {
    if (!this.#server.replays) return;
    const { log, epoch, head, messagesPerFrame } = this.#server;
    const { channel } = this;
    let settled = Math.min(after, head);
    for (let frames = 0; frames < WINDOW_FRAMES; frames++) {
      const through = Math.min(head, settled + messagesPerFrame);
      const slice = log.slice(settled, through);
      const messages = slice.filter((one) => !one.isExpired && one.origin !== this.deviceId).map(wire);
      const expired = slice.filter((one) => one.isExpired).length;
      const more = through < head;
      await this.#post({ event: 'replay', channel, epoch, after: settled, messages, through, expired, more });
      if (!this.isOpen || !more) return;
      settled = through;
    }
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
    const frame = parseClientFrame(text);
    this.#server.heard.push({ ...frame, connection: this.#number } as never);
    if (!this.isOpen) return;
    const { head, epoch } = this.#server;
    if (frame.action === 'ping') {
      if (this.#server.pongs) void this.#post({ event: 'pong', head, serverAt: this.#server.time.now });
      return;
    }
    const refuse = (code: string) =>
      void this.#post({ event: 'error', code, message: code, retryable: false, ref: frame.ref });
    if (frame.epoch !== undefined && frame.epoch !== epoch) return refuse('epoch_mismatch');
    if (frame.action === 'sync') return await this.replay(frame.after ?? 0);
    if (frame.seq > head) return refuse('ack_past_head');
    this.#server.advance(this.deviceId, frame.seq);
  }

  async #post(frame: object): Promise<void> {
    const text = JSON.stringify(frame);
    await this.#server.time.sleep(this.#server.network.delayMs());
    this.raw(text);
  }
}

const wire = ({ seq, id, type, data, sentAt, tab }: Stored) => ({ seq, id, type, data, sentAt, origin: tab });

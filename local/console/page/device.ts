/** One device: its client, its network, and what has become of every seq it has heard of. */
import { connect, type Herald, type Message, type Status } from '../../../client/index.ts';
import type { ServerFrame } from '../../../lambdas/protocol/frames.ts';
import type { Channel } from './channel.ts';
import { type Frame, Network } from './network.ts';
import { fetchToken } from './requests.ts';

/** `earlier`: settled before this page knew of it. `missing`: the device has yet to get it. */
export type SeqState = 'live' | 'replayed' | 'own' | 'earlier' | 'missing';

export interface Arrival {
  seq: number;
  id?: string;
  text: string;
  how: 'live' | 'replayed' | 'own';
  /** Since this page sent it. */
  milliseconds: number | undefined;
}

export interface DeviceEvents {
  changed(): void;
  arrived(arrival: Arrival): void;
  /** It has all there is. Times since it began to connect. */
  caughtUp(catchUp: CatchUp): void;
}

export interface CatchUp {
  device: Device;
  readyMs: number;
  totalMs: number;
  messages: number;
}

/** A frame that the client sends, as far as it is read here: an ack of one channel or of several. */
interface Written {
  action: string;
  channel?: string;
  seq?: number;
  acks?: { channel?: string; seq?: number }[];
}

const MOST_FRAMES = 200;

export class Device {
  readonly id: string;
  readonly name: string;
  readonly channel: Channel;
  readonly network: Network;
  readonly frames: Frame[] = [];
  readonly arrivals: Arrival[] = [];
  status: Status | { state: 'off' } = { state: 'off' };
  acked = 0;
  /** Why it got no token last. */
  refusal: string | undefined;
  #herald: Herald | undefined;
  #token: string | undefined;
  readonly #events: DeviceEvents;
  readonly #arrivedAs = new Map<number, 'live' | 'replayed'>();
  /** The highest seq that has arrived. */
  #newest = 0;
  #attempt = { startedAt: 0, readyMs: 0, messages: 0, isOpen: false };

  /** `seat`: of this tab; the first one's devices have the plain ids. */
  constructor(channel: Channel, name: string, seat: number, events: DeviceEvents) {
    this.channel = channel;
    this.name = name;
    this.id = `${channel.userId}-${name}${seat === 1 ? '' : `-${seat}`}`;
    this.#events = events;
    this.network = new Network((frame) => this.#saw(frame), events.changed);
  }

  /** The last seq it has finished with. */
  get cursor(): number {
    return this.#herald?.cursor?.seq ?? 0;
  }

  /** What lies before something that has arrived, and has not arrived itself. */
  get gap(): number[] {
    return this.#missingThrough(this.#newest);
  }

  /** How many there are that it has yet to get. */
  get behind(): number {
    return this.#missingThrough(this.channel.head).length;
  }

  #missingThrough(last: number): number[] {
    return range(this.cursor + 1, last).filter((seq) => this.stateOf(seq) === 'missing');
  }

  stateOf(seq: number): SeqState {
    const how = this.#arrivedAs.get(seq);
    if (how) return how;
    if (this.channel.originOf(seq) === this.id) return 'own';
    return seq <= this.cursor ? 'earlier' : 'missing';
  }

  /** It caused a message of its own user, and will not hear of it. */
  stayedSilent(seq: number, text: string): void {
    this.arrivals.push({ seq, text, how: 'own', milliseconds: undefined });
    this.#events.changed();
  }

  connect(): void {
    const { protocol, host } = location;
    const herald = connect(`${protocol.replace('http', 'ws')}//${host}/local`, {
      token: () => this.#freshToken(),
      deviceId: this.id,
      storage: localStorage,
      WebSocket: this.network.WebSocket,
      // The devices of this page are apart from each other, not tabs of one.
      tabs: false,
      timing: { backoffCapMs: 3000 },
    });
    this.#herald = herald;
    herald.on('status', (status) => this.#became(status));
    herald.on('message', (message) => this.#got(message));
    herald.on('reset', () => this.#forget());
    // The status tells it too.
    herald.on('error', (error) => console.info(this.id, error.message));
    this.#became(herald.status);
  }

  async disconnect(): Promise<void> {
    await this.#herald?.close();
  }

  /** While it is cut off no request leaves it either, so the token of before will do for the attempts that fail. */
  async #freshToken(): Promise<string> {
    if (this.network.isCut && this.#token) return this.#token;
    try {
      this.#token = await fetchToken(this.channel.userId);
      this.refusal = undefined;
      return this.#token;
    } catch (error) {
      this.refusal = error instanceof Error ? error.message : String(error);
      this.#events.changed();
      throw error;
    }
  }

  #became(status: Status): void {
    this.status = status;
    if (status.state === 'connecting') {
      this.#attempt = { startedAt: performance.now(), readyMs: 0, messages: 0, isOpen: true };
    }
    if (status.state === 'live' && this.#attempt.isOpen) {
      const { startedAt, readyMs, messages } = this.#attempt;
      this.#attempt.isOpen = false;
      this.#events.caughtUp({ device: this, readyMs, messages, totalMs: performance.now() - startedAt });
    }
    this.#events.changed();
  }

  #saw(frame: Frame): void {
    this.frames.push(frame);
    if (this.frames.length > MOST_FRAMES) this.frames.shift();
    if (frame.direction === 'in') this.#read(JSON.parse(frame.text), frame.at);
    if (frame.direction === 'out') this.#wrote(JSON.parse(frame.text));
    this.#events.changed();
  }

  #read(frame: ServerFrame, at: number): void {
    if (frame.event === 'ready') {
      this.channel.reach(frame.head);
      this.acked = frame.cursor;
      this.#attempt.readyMs = at - this.#attempt.startedAt;
    }
    if (frame.event !== 'message' && frame.event !== 'replay') return;
    // The strip is of the user's own channel.
    if (frame.channel !== this.#ownChannel) return;
    if (frame.event === 'message') {
      this.#arrive(frame.seq, 'live');
      return;
    }
    const news = frame.messages.filter(({ seq }) => !this.#arrivedAs.has(seq));
    for (const { seq } of news) this.#arrive(seq, 'replayed');
    this.#attempt.messages += news.length;
  }

  #wrote({ action, acks, ...ack }: Written): void {
    if (action !== 'ack') return;
    const own = (acks ?? [ack]).find(({ channel = this.#ownChannel }) => channel === this.#ownChannel);
    this.acked = own?.seq ?? this.acked;
  }

  get #ownChannel(): string {
    return `user:${this.channel.userId}`;
  }

  #arrive(seq: number, how: 'live' | 'replayed'): void {
    this.#newest = Math.max(this.#newest, seq);
    if (!this.#arrivedAs.has(seq)) this.#arrivedAs.set(seq, how);
    this.channel.reach(seq);
  }

  #got({ seq, id, data }: Message): void {
    const how = this.#arrivedAs.get(seq) ?? 'replayed';
    const arrival = { seq, id, text: textOf(data), how, milliseconds: this.channel.sinceSent(id) };
    this.arrivals.push(arrival);
    this.#events.arrived(arrival);
    this.#events.changed();
  }

  /** The server's numbering began anew, as after a restart of the local stack. */
  #forget(): void {
    this.#arrivedAs.clear();
    this.#newest = 0;
    this.arrivals.length = 0;
    this.channel.restart();
  }
}

export const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);

/** Whatever a publisher sent, on one line. */
export function textOf(data: unknown): string {
  const { text } = (data ?? {}) as { text?: unknown };
  return typeof text === 'string' ? text : JSON.stringify(data);
}

/** One device: its client, its network, and what it has of each channel that it hears. */
import { inbox } from '../../../client/inbox.ts';
import { connect, type Herald, type Inbox, type Message, type Status } from '../../../client/index.ts';
import { userChannel } from '../../../lambdas/protocol/channel.ts';
import type { ServerFrame } from '../../../lambdas/protocol/frames.ts';
import type { Channel } from './channel.ts';
import { type Arrival, Hearing } from './hearing.ts';
import { Listening, type Surroundings } from './listening.ts';
import { type Frame, Network } from './network.ts';
import { fetchToken } from './requests.ts';

export interface DeviceEvents {
  changed(): void;
  arrived(channel: Channel, arrival: Arrival): void;
  /** Which channels the server posts to it has changed. */
  subscribed(): void;
  /** It has all there is. Times since it began to connect. */
  caughtUp(catchUp: CatchUp): void;
}

export interface CatchUp {
  device: Device;
  readyMs: number;
  totalMs: number;
  messages: number;
}

/** Which device it is. */
export interface Identity {
  userId: string;
  name: string;
  /** Of this tab; the first one's devices have the plain ids. */
  seat: number;
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
  readonly userId: string;
  readonly name: string;
  /** What it has of its user's own channel. */
  readonly own: Hearing;
  /** What else it hears. */
  readonly listening: Listening;
  readonly network: Network;
  readonly frames: Frame[] = [];
  status: Status | { state: 'off' } = { state: 'off' };
  /** Why it got no token last. */
  refusal: string | undefined;
  #herald: Herald | undefined;
  #token: string | undefined;
  readonly #surroundings: Surroundings;
  readonly #events: DeviceEvents;
  #attempt = { startedAt: 0, readyMs: 0, messages: 0, isOpen: false };

  constructor({ userId, name, seat }: Identity, surroundings: Surroundings, events: DeviceEvents) {
    this.userId = userId;
    this.name = name;
    this.id = `${userId}-${name}${seat === 1 ? '' : `-${seat}`}`;
    this.#surroundings = surroundings;
    this.#events = events;
    const own = surroundings.channels.named(userChannel(userId).name);
    this.own = new Hearing(own, this.id, () => this.#herald?.cursor?.seq);
    this.listening = new Listening({
      deviceId: this.id,
      surroundings,
      changed: events.changed,
      got: (hearing, message) => this.#got(hearing, message),
    });
    this.network = new Network((frame) => this.#saw(frame), events.changed);
  }

  /** It caused a message, and will not hear of it. */
  stayedSilent(channel: Channel, seq: number, text: string): void {
    const isHeard = channel === this.own.channel || this.listening.whyItHears(channel.name);
    if (isHeard) this.#hearingOf(channel.name).stayedSilent(seq, text);
    this.#events.changed();
  }

  connect(): void {
    const { protocol, host } = location;
    const herald = connect(`${protocol.replace('http', 'ws')}//${host}/local`, {
      token: () => this.#freshToken(),
      deviceId: this.id,
      storage: localStorage,
      inbox,
      WebSocket: this.network.WebSocket,
      // The devices of this page are apart from each other, not tabs of one.
      tabs: false,
      // The page shows each ack: none waits for the next ping.
      timing: { backoffCapMs: 3000, ackBatch: 1 },
    });
    this.#herald = herald;
    herald.on('status', (status) => this.#became(status));
    herald.on('message', (message) => this.#got(this.own, message));
    herald.on('reset', () => this.own.forget());
    herald.inbox.on('change', this.#events.changed);
    // The status tells it too.
    herald.on('error', (error) => console.info(this.id, error.message));
    this.listening.attach(herald);
    this.#became(herald.status);
  }

  /** Of its newest client. */
  get inbox(): Inbox | undefined {
    return this.#herald?.inbox;
  }

  async disconnect(): Promise<void> {
    await this.#herald?.close();
  }

  /** While it is cut off no request leaves it either, so the token of before will do for the attempts that fail. */
  async #freshToken(): Promise<string> {
    if (this.network.isCut && this.#token) return this.#token;
    try {
      this.#token = await fetchToken(this.userId);
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
    switch (frame.event) {
      case 'ready':
        this.own.acked = frame.cursor;
        this.#attempt.readyMs = at - this.#attempt.startedAt;
        for (const { channel, head } of [frame, ...frame.subscriptions])
          this.#surroundings.channels.named(channel).reach(head);
        this.#events.subscribed();
        break;
      case 'subscribed':
        this.#surroundings.channels.named(frame.channel).reach(frame.head);
        this.#events.subscribed();
        break;
      case 'unsubscribed':
        this.#events.subscribed();
        break;
      case 'message':
        this.#hearingOf(frame.channel).arrive(frame.seq, 'live');
        break;
      case 'replay': {
        const hearing = this.#hearingOf(frame.channel);
        const news = frame.messages.filter(({ seq }) => hearing.arrive(seq, 'replayed'));
        if (hearing === this.own) this.#attempt.messages += news.length;
        hearing.withdraw(frame.withdrawn ?? []);
        break;
      }
      case 'withdrawn':
        this.own.arrive(frame.seq, 'live');
        this.own.withdraw(frame.seqs);
        break;
    }
  }

  #wrote({ action, acks, ...ack }: Written): void {
    if (action !== 'ack') return;
    for (const { channel = this.own.channel.name, seq } of acks ?? [ack])
      if (seq !== undefined) this.#hearingOf(channel).acked = seq;
  }

  #hearingOf(channel: string): Hearing {
    return channel === this.own.channel.name ? this.own : this.listening.of(channel);
  }

  #got(hearing: Hearing, message: Message): void {
    this.#events.arrived(hearing.channel, hearing.got(message));
    this.#events.changed();
  }
}

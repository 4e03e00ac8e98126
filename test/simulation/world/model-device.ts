/**
 * A client that follows the protocol and nothing more: it follows the channels that it hears
 * (`hearing.ts`), subscribes to the topics it wants, again on each connection, and reconnects.
 */
import type { PongFrame, ReadyFrame, ServerFrame } from '../../../lambdas/protocol/frames.ts';
import { type Device, type DeviceSpec, type From, PING_MS, type Position, type Storage } from './device.ts';
import { type Follower, Hearing } from './hearing.ts';
import type { Peer, Socket } from './sockets.ts';
import { tokenOf } from './tokens.ts';
import type { World } from './world.ts';

const READY_TIMEOUT_MS = 90_000;
const LONG_MS = 24 * 3_600_000;
const RECONNECT_MIN_MS = 200;
const RECONNECT_MAX_MS = 20_000;
/** After which a `subscribe`, an `unsubscribe` or a `publish` that was not answered counts as lost. */
const ANSWER_TIMEOUT_MS = 10_000;
/** A `pong` may be overtaken by what it does not know yet: only the second in a row counts. */
const PONGS_OF_PROOF = 2;

/** What one incarnation of the program holds on to while its connection lasts. */
interface Session {
  socket: Socket;
  isReady: boolean;
  hearings: Map<string, Hearing>;
  /** Topics that it unsubscribed from. */
  declined: Set<string>;
  /** What was asked and not answered yet, by `ref`. */
  asked: Map<string, (frame: ServerFrame) => void>;
}

export class ModelDevice implements Device, Peer, Follower {
  wanted = false;
  readonly spec: DeviceSpec;
  readonly #world: World;
  #session: Session | undefined;
  /** What survives a crash: positions by channel, newest last. */
  #stored = new Map<string, Position[]>();
  readonly #topics = new Map<string, From>();
  /** Connections are numbered, so that what an old one planned finds that it is over. */
  #generation = 0;
  #refs = 0;

  constructor(world: World, spec: DeviceSpec) {
    this.#world = world;
    this.spec = spec;
  }

  get name(): string {
    return `${this.spec.userId}/${this.spec.deviceId ?? 'anonymous'}`;
  }

  get socket(): Socket | undefined {
    return this.#session?.socket;
  }

  get wantedTopics(): ReadonlySet<string> {
    return new Set(this.#topics.keys());
  }

  position(channel: string): Position | undefined {
    return this.#session?.hearings.get(channel)?.position;
  }

  holds(channel: string, seq: number): boolean {
    return this.#session?.hearings.get(channel)?.holds(seq) ?? false;
  }

  declines(topic: string): boolean {
    return this.#session?.declined.has(`topic:${topic}`) ?? false;
  }

  goOnline(): void {
    this.wanted = true;
    if (!this.#session) this.#connect();
  }

  goOffline(unnoticed: boolean): void {
    this.wanted = false;
    this.#leave(unnoticed);
  }

  /** The program dies; another starts with what it finds in its storage. */
  crash(storage: Storage): void {
    const { faults, random } = this.#world;
    faults.note('Client', storage === 'kept' ? 'crash' : storage === 'old' ? 'old storage' : 'storage lost');
    this.#leave(random.chance(0.5));
    if (storage === 'lost') this.#stored.clear();
    if (storage === 'old') {
      for (const [channel, positions] of this.#stored)
        this.#stored.set(channel, positions.slice(0, random.integer(0, positions.length)));
    }
    if (this.wanted) this.#reconnectLater();
  }

  subscribe(topic: string, from: From): void {
    this.#topics.set(topic, from);
    const session = this.#session;
    if (session?.socket.state !== 'open') return;
    // Asking before `ready` is allowed.
    if (session.isReady || this.#world.random.chance(0.3)) this.#subscribeNow(session, topic);
  }

  unsubscribe(topic: string): void {
    this.#topics.delete(topic);
    const session = this.#session;
    const channel = `topic:${topic}`;
    if (!session?.isReady || !session.hearings.has(channel)) return;
    session.declined.add(channel);
    this.#forget(session, channel);
    this.#unsubscribeUntilHeard(session, channel);
  }

  async ask(frame: object, ref: string): Promise<ServerFrame | undefined> {
    const session = this.#session;
    if (!session?.isReady) return undefined;
    return await new Promise((resolve) => {
      session.asked.set(ref, resolve);
      this.#send(session, { ...frame, ref });
      this.#world.scheduler.after(ANSWER_TIMEOUT_MS, () => {
        if (session.asked.delete(ref)) resolve(undefined);
      });
    });
  }

  /** A frame no correct client sends: it must change nothing. */
  sendRaw(text: string): void {
    if (this.#session?.isReady) this.#world.sockets.send(this.#session.socket, text);
  }

  /** Many ask for their start at once; the others leave it to the server. */
  opened(socket: Socket): void {
    const session = this.#session;
    const { random } = this.#world;
    if (session?.socket !== socket || random.chance(0.4)) return;
    const position = this.#stored.get(`user:${this.spec.userId}`)?.at(-1);
    const after = position !== undefined && random.chance(0.3) ? position.seq : undefined;
    const first = random.chance(0.7) ? true : undefined;
    // What no correct client sends leaves the start to the server.
    this.#send(session, { action: 'sync', ...(random.chance(0.1) ? { after: 1.5 } : { after, first }) });
  }

  refused(socket: Socket, status: number): void {
    if (this.#session?.socket !== socket) return;
    this.#end();
    this.#world.trace(`${this.name} refused: ${status}`);
    if (this.wanted) this.#reconnectLater();
  }

  closed(socket: Socket): void {
    if (this.#session?.socket !== socket) return;
    this.#end();
    if (this.wanted) this.#reconnectLater();
  }

  received(socket: Socket, text: string): void {
    const session = this.#session;
    if (session?.socket !== socket) return;
    const frame = JSON.parse(text) as ServerFrame | { event?: undefined };
    if (frame.event === undefined) return;
    this.#hear(session, frame);
    if ('ref' in frame && frame.ref !== undefined) this.#answered(session, frame.ref, frame);
  }

  #hear(session: Session, frame: ServerFrame) {
    switch (frame.event) {
      case 'ready':
        return this.#ready(session, frame);
      case 'message':
        return session.hearings.get(frame.channel)?.take(frame.seq, frame.id);
      case 'withdrawn':
        return session.hearings.get(frame.channel)?.take(frame.seq);
      case 'replay':
        if (session.hearings.get(frame.channel)?.takeReplay(frame) === false) this.#restart();
        return;
      case 'subscribed':
        // It was declined since it was asked for.
        if (frame.ref !== undefined && session.declined.has(frame.channel)) return;
        session.declined.delete(frame.channel);
        return this.#begin(session, frame.channel, { epoch: frame.epoch, seq: frame.cursor });
      case 'unsubscribed':
        return this.#unsubscribed(session, frame.channel, frame.code === 'removed');
      case 'pong':
        return this.#pong(session, frame);
      case 'error':
        if (frame.code === 'epoch_mismatch') this.#restart();
        return;
      case 'bye':
        // Whoever displaced us stays; what a new token mends is mended by reconnecting.
        if (frame.code !== 'token_expired') this.wanted = false;
        if (frame.code === 'replaced') this.#world.judge.toldReplaced(session.socket);
        return;
    }
  }

  #answered(session: Session, ref: string, frame: ServerFrame): void {
    const resolve = session.asked.get(ref);
    session.asked.delete(ref);
    resolve?.(frame);
    if (frame.event !== 'error' || frame.code !== 'not_subscribed' || !ref.startsWith('sync ')) return;
    this.#unsubscribed(session, ref.slice('sync '.length), true);
  }

  #connect(): void {
    const { scheduler, sockets } = this.#world;
    const generation = ++this.#generation;
    const tokenLifeMs = this.#world.faults.on ? this.spec.tokenLifeMs : LONG_MS;
    const tokenExpiresAt = Math.ceil((scheduler.now + tokenLifeMs) / 1000) * 1000;
    const token = tokenOf(this.spec.userId, tokenExpiresAt, this.spec.permissions);
    const socket = sockets.connect({ ...this.spec, token, tokenExpiresAt, handover: false }, this);
    this.#session = {
      socket,
      isReady: false,
      hearings: new Map(),
      declined: new Set(),
      asked: new Map(),
    };
    this.#whileConnected(generation, PING_MS, () => this.#ping(generation));
    this.#whileConnected(generation, READY_TIMEOUT_MS, ({ isReady }) => {
      if (!isReady && this.#world.clientsMayGiveUp) this.#restart();
    });
  }

  #ready(session: Session, frame: ReadyFrame): void {
    this.#misbehave(session, frame);
    const isFirst = !session.isReady;
    session.isReady = true;
    this.#begin(session, frame.channel, { epoch: frame.epoch, seq: frame.cursor });
    for (const { channel, epoch, cursor } of frame.subscriptions)
      if (!session.declined.has(channel)) this.#begin(session, channel, { epoch, seq: cursor });
    if (!isFirst) return;
    for (const topic of this.#topics.keys()) this.#subscribeNow(session, topic);
  }

  #begin(session: Session, channel: string, start: Position): void {
    if (session !== this.#session) return;
    const known = this.#stored.get(channel)?.at(-1);
    if (!this.#hearing(session, channel).begin(start, known)) this.#restart();
  }

  #hearing({ hearings }: Session, channel: string): Hearing {
    const hearing = hearings.get(channel) ?? new Hearing(channel, this.#world, this);
    hearings.set(channel, hearing);
    return hearing;
  }

  #forget({ hearings }: Session, channel: string): void {
    hearings.get(channel)?.stop();
    hearings.delete(channel);
  }

  /** Asks until it is answered, or refused. */
  #subscribeNow(session: Session, topic: string): void {
    const channel = `topic:${topic}`;
    const from = this.#topics.get(topic);
    if (session !== this.#session || from === undefined) return;
    session.declined.delete(channel);
    this.#hearing(session, channel);
    const ref = `subscribe ${channel} ${++this.#refs}`;
    this.#ask(session, { action: 'subscribe', channel, ...this.#startOf(channel, from) }, ref, (answer) => {
      if (session !== this.#session || !this.#topics.has(topic)) return;
      if (answer?.event === 'subscribed') this.#topics.set(topic, from === 'beginning' ? 'cursor' : from);
      else if (answer?.event === 'error' && answer.code === 'forbidden') this.#refused(session, topic);
      else this.#later(() => this.#subscribeNow(session, topic));
    });
  }

  #refused(session: Session, topic: string): void {
    this.#world.judge.refusedSubscription(session.socket, topic);
    this.#topics.delete(topic);
    this.#forget(session, `topic:${topic}`);
  }

  #startOf(channel: string, from: From): { after?: number; epoch?: string } {
    if (from === 'beginning') return { after: 0 };
    const position = from === 'stored' ? this.#stored.get(channel)?.at(-1) : undefined;
    return position ? { after: position.seq, epoch: position.epoch } : {};
  }

  #unsubscribeUntilHeard(session: Session, channel: string): void {
    if (session !== this.#session || !session.declined.has(channel)) return;
    const ref = `unsubscribe ${channel} ${++this.#refs}`;
    this.#ask(session, { action: 'unsubscribe', channel }, ref, (answer) => {
      if (answer?.event !== 'unsubscribed') this.#later(() => this.#unsubscribeUntilHeard(session, channel));
    });
  }

  #unsubscribed(session: Session, channel: string, unasked: boolean): void {
    if (unasked || session.declined.has(channel)) this.#forget(session, channel);
    const topic = channel.slice('topic:'.length);
    if (unasked && this.#topics.has(topic)) this.#subscribeNow(session, topic);
  }

  /** A channel that the server does not name twice in a row is not heard any more. */
  #pong(session: Session, { epoch, head, subscriptions }: PongFrame) {
    const own = `user:${this.spec.userId}`;
    const told = new Map(subscriptions.map((one) => [one.channel, { epoch: one.epoch, seq: one.head }]));
    told.set(own, { epoch, seq: head });
    for (const hearing of [...session.hearings.values()]) {
      const heard = told.get(hearing.channel);
      if (heard && !hearing.heardOf(heard)) return this.#restart();
      if (heard || hearing.position === undefined) continue;
      hearing.missedPongs += 1;
      if (hearing.missedPongs >= PONGS_OF_PROOF) this.#unsubscribed(session, hearing.channel, true);
    }
  }

  /** What no correct client sends, and what must change nothing. */
  #misbehave({ socket }: Session, { channel, head, subscriptions }: ReadyFrame): void {
    const { faults, sockets, random } = this.#world;
    const send = (frame: object) => sockets.send(socket, JSON.stringify(frame));
    if (faults.strikes('Client', 'malformed frame')) {
      const elsewhere = random.pick([{ channel: 'user:somebody' }, { epoch: 'another' }, { channel: '' }]);
      send({ action: 'ack', seq: head, ...elsewhere });
    }
    if (!faults.strikes('Client', 'frame ahead of the head')) return;
    // Further than publishers under way can make true.
    const other = random.pick([channel, ...subscriptions.map((one) => one.channel)]);
    const wrong = { channel: other, seq: head + 1_000_000 };
    if (random.chance(0.5)) send({ action: 'ack', ...wrong });
    else send({ action: 'ack', acks: [{ channel, seq: head }, wrong] });
  }

  moved({ channel, position }: Hearing): void {
    const session = this.#session;
    if (!session || !position || this.spec.ackMode !== 'client') return;
    // Kept first: what was acknowledged is not sent again.
    this.#stored.set(channel, [...(this.#stored.get(channel) ?? []), { ...position }]);
    const { epoch, seq } = position;
    if (seq === 0) return;
    const others = this.#world.random.chance(0.2) ? this.#otherAcks(session, channel) : [];
    if (others.length > 0) this.send({ action: 'ack', acks: [{ channel, seq, epoch }, ...others] });
    else this.send({ action: 'ack', seq, epoch, ...(channel.startsWith('user:') ? {} : { channel }) });
  }

  /** Where the device stands in the other channels that it hears. */
  #otherAcks({ hearings }: Session, except: string): object[] {
    return [...hearings.values()].flatMap(({ channel, position }) =>
      channel === except || !position || position.seq === 0 ? [] : [{ channel, ...position }],
    );
  }

  send(frame: object): void {
    if (this.#session) this.#send(this.#session, frame);
  }

  #send({ socket }: Session, frame: object): void {
    this.#world.sockets.send(socket, JSON.stringify(frame));
  }

  #ask(session: Session, frame: object, ref: string, then: (answer: ServerFrame | undefined) => void): void {
    session.asked.set(ref, then);
    this.#send(session, { ...frame, ref });
    this.#world.scheduler.after(ANSWER_TIMEOUT_MS, () => {
      if (session.asked.delete(ref)) then(undefined);
    });
  }

  #later(act: () => void): void {
    this.#world.scheduler.after(this.#world.random.logarithmic(500, 3000), act);
  }

  #ping(generation: number): void {
    if (this.#session?.isReady && this.#world.clientsPing) this.send({ action: 'ping' });
    this.#whileConnected(generation, PING_MS, () => this.#ping(generation));
  }

  #leave(unnoticed: boolean): void {
    if (this.#session) this.#world.sockets.leave(this.#session.socket, unnoticed);
    this.#end();
  }

  #end(): void {
    this.#generation += 1;
    for (const hearing of this.#session?.hearings.values() ?? []) hearing.stop();
    this.#session = undefined;
  }

  #restart(): void {
    this.#leave(false);
    this.#reconnectLater();
  }

  #reconnectLater(): void {
    const { scheduler, random } = this.#world;
    const generation = this.#generation;
    scheduler.after(random.logarithmic(RECONNECT_MIN_MS, RECONNECT_MAX_MS), () => {
      if (this.wanted && !this.#session && generation === this.#generation) this.#connect();
    });
  }

  #whileConnected(generation: number, delayMs: number, act: (session: Session) => void): void {
    this.#world.scheduler.after(delayMs, () => {
      if (generation === this.#generation && this.#session) act(this.#session);
    });
  }
}

/**
 * A client that follows the protocol and nothing more: it keeps its position, acknowledges what is contiguous or covered by a
 * `through`, asks for a replay when it sees a gap or a `pong` ahead of it, and reconnects.
 */
import type { ReplayFrame, ServerFrame } from '../../../lambdas/protocol/frames.ts';
import { REPLAY_WINDOW_FRAMES } from '../../../lambdas/protocol/limits.ts';
import { NO_PERMISSIONS } from '../../../lambdas/protocol/permissions.ts';
import { type Device, type DeviceSpec, PING_MS, type Position, type Storage } from './device.ts';
import type { Peer, Socket } from './sockets.ts';
import { tokenOf } from './tokens.ts';
import type { World } from './world.ts';

const PATIENCE_WITH_GAP_MS = 2000;
const SYNC_TIMEOUT_MS = 15_000;
const READY_TIMEOUT_MS = 90_000;
const LONG_MS = 24 * 3_600_000;
const RECONNECT_MIN_MS = 200;
const RECONNECT_MAX_MS = 20_000;

/** What one incarnation of the program holds on to while its connection lasts. */
interface Session {
  socket: Socket;
  position: Position | undefined;
  /** Messages beyond the position, by seq. */
  ahead: Map<number, string>;
  framesOfWindow: number;
  syncing: boolean;
  /** Takes back the look at a gap that is planned. */
  cancelGapCheck: (() => void) | undefined;
}

export class ModelDevice implements Device, Peer {
  wanted = false;
  readonly spec: DeviceSpec;
  readonly #world: World;
  #session: Session | undefined;
  /** What survives a crash: positions, newest last. */
  #stored: Position[] = [];
  /** Connections are numbered, so that what an old one planned finds that it is over. */
  #generation = 0;

  constructor(world: World, spec: DeviceSpec) {
    this.#world = world;
    this.spec = spec;
  }

  get name(): string {
    return `${this.spec.userId}/${this.spec.deviceId ?? 'anonymous'}`;
  }

  get position(): Position | undefined {
    return this.#session?.position;
  }

  get socket(): Socket | undefined {
    return this.#session?.socket;
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
    if (storage === 'lost') this.#stored = [];
    if (storage === 'old') this.#stored = this.#stored.slice(0, random.integer(0, this.#stored.length));
    if (this.wanted) this.#reconnectLater();
  }

  /** A frame no correct client sends: it must change nothing. */
  sendRaw(text: string): void {
    if (this.#session?.position) this.#world.sockets.send(this.#session.socket, text);
  }

  opened(): void {}

  refused(socket: Socket, status: number): void {
    if (this.#session?.socket !== socket) return;
    this.#session = undefined;
    this.#generation += 1;
    this.#world.trace(`${this.name} refused: ${status}`);
    if (this.wanted) this.#reconnectLater();
  }

  closed(socket: Socket): void {
    if (this.#session?.socket !== socket) return;
    this.#session = undefined;
    this.#generation += 1;
    if (this.wanted) this.#reconnectLater();
  }

  received(socket: Socket, text: string) {
    const session = this.#session;
    if (session?.socket !== socket) return;
    const frame = JSON.parse(text) as ServerFrame | { event?: undefined };
    switch (frame.event) {
      case 'ready':
        this.#misbehave(session, frame.head);
        return this.#begin(session, { epoch: frame.epoch, seq: frame.cursor });
      case 'message':
        return this.#take(session, frame.seq, frame.id);
      case 'replay':
        return this.#takeReplay(session, frame);
      case 'pong':
        // The numbering began anew.
        if (frame.epoch !== session.position?.epoch) this.#restart();
        else if (frame.head > session.position.seq) this.#sync(session);
        return;
      case 'error':
        if (frame.code === 'epoch_mismatch') this.#restart();
        return;
      case 'bye':
        // Whoever displaced us stays; what a new token mends is mended by reconnecting.
        if (frame.code !== 'token_expired') this.wanted = false;
        if (frame.code === 'replaced') this.#world.judge.toldReplaced(socket);
        return;
    }
  }

  #connect(): void {
    const { scheduler, sockets } = this.#world;
    const generation = ++this.#generation;
    const tokenLifeMs = this.#world.faults.on ? this.spec.tokenLifeMs : LONG_MS;
    const tokenExpiresAt = Math.ceil((scheduler.now + tokenLifeMs) / 1000) * 1000;
    const token = tokenOf(this.spec.userId, tokenExpiresAt, NO_PERMISSIONS);
    const socket = sockets.connect({ ...this.spec, token, tokenExpiresAt, handover: false }, this);
    this.#session = {
      socket,
      position: undefined,
      ahead: new Map(),
      framesOfWindow: 0,
      syncing: false,
      cancelGapCheck: undefined,
    };
    this.#whileConnected(generation, PING_MS, () => this.#ping(generation));
    this.#whileConnected(generation, READY_TIMEOUT_MS, (session) => {
      if (!session.position && this.#world.clientsMayGiveUp) this.#restart();
    });
  }

  #begin(session: Session, { epoch, seq }: Position): void {
    const stored = this.#stored.at(-1);
    const known = session.position ?? (stored?.epoch === epoch ? stored : undefined);
    if (known && known.epoch !== epoch) {
      this.#restart();
      return;
    }
    session.position = { epoch, seq: Math.max(seq, known?.seq ?? 0) };
    this.#acknowledge(session);
  }

  /** What no correct client sends, and what must change nothing. */
  #misbehave({ socket }: Session, head: number): void {
    const { faults, sockets, random } = this.#world;
    if (faults.strikes('Client', 'malformed frame')) {
      const elsewhere = random.pick([{ channel: 'user:somebody' }, { epoch: 'another' }, { channel: '' }]);
      sockets.send(socket, JSON.stringify({ action: 'ack', seq: head, ...elsewhere }));
    }
    if (faults.strikes('Client', 'frame ahead of the head')) {
      // Further than publishers under way can make true.
      sockets.send(socket, JSON.stringify({ action: 'ack', seq: head + 1000 }));
    }
  }

  #take(session: Session, seq: number, id: string): void {
    if (!session.position || seq <= session.position.seq) return;
    session.ahead.set(seq, id);
    this.#settle(session, session.position.seq);
    if (session.ahead.size > 0) this.#watchGap(session);
  }

  #takeReplay(session: Session, { epoch, messages, after, through, more }: ReplayFrame): void {
    const { position } = session;
    if (!position) return;
    if (epoch !== position.epoch) {
      this.#restart();
      return;
    }
    for (const { seq, id } of messages) if (seq > position.seq) session.ahead.set(seq, id);
    // What begins beyond our position settles nothing of what comes before it.
    this.#settle(session, after <= position.seq ? through : position.seq);
    if (session.ahead.size > 0) this.#watchGap(session);
    session.framesOfWindow += 1;
    if (!more) session.syncing = false;
    else if (this.spec.ackMode === 'client' && session.framesOfWindow % REPLAY_WINDOW_FRAMES === 0) {
      session.syncing = false;
      this.#sync(session);
    }
  }

  /** Everything up to `through` is settled, and what follows it without a gap. */
  #settle(session: Session, through: number): void {
    const { position } = session;
    if (!position) return;
    const { judge } = this.#world;
    const before = position.seq;
    while (position.seq < through || session.ahead.has(position.seq + 1)) {
      position.seq += 1;
      const id = session.ahead.get(position.seq);
      session.ahead.delete(position.seq);
      if (id === undefined) judge.clientPassed(this.spec, position.epoch, position.seq);
      else judge.clientTook(this.spec, position.epoch, position.seq, id);
    }
    if (position.seq > before) this.#acknowledge(session);
  }

  #acknowledge({ socket, position }: Session): void {
    if (!position || this.spec.ackMode !== 'client') return;
    // Kept first: what was acknowledged is not sent again.
    this.#stored.push({ ...position });
    const { epoch, seq } = position;
    if (seq > 0) this.#world.sockets.send(socket, JSON.stringify({ action: 'ack', seq, epoch }));
  }

  #watchGap(session: Session): void {
    if (session.cancelGapCheck) return;
    session.cancelGapCheck = this.#world.scheduler.after(PATIENCE_WITH_GAP_MS, () => {
      session.cancelGapCheck = undefined;
      if (session !== this.#session || session.ahead.size === 0) return;
      if (this.#world.anonymousAsk || this.spec.deviceId !== undefined) this.#sync(session);
      this.#watchGap(session);
    });
  }

  #sync(session: Session): void {
    const { position, socket } = session;
    if (!position || session.syncing) return;
    session.syncing = true;
    session.framesOfWindow = 0;
    this.#world.scheduler.after(SYNC_TIMEOUT_MS, () => {
      session.syncing = false;
    });
    this.#world.sockets.send(
      socket,
      JSON.stringify({ action: 'sync', after: position.seq, epoch: position.epoch }),
    );
  }

  #ping(generation: number): void {
    if (this.#session?.position && this.#world.clientsPing) {
      this.#world.sockets.send(this.#session.socket, '{"action":"ping"}');
    }
    this.#whileConnected(generation, PING_MS, () => this.#ping(generation));
  }

  #leave(unnoticed: boolean): void {
    this.#generation += 1;
    if (this.#session) this.#world.sockets.leave(this.#session.socket, unnoticed);
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

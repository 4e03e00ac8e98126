/**
 * A client of STOMP as its libraries are: it neither sorts nor drops doubles nor asks for what it lacks, and connects again whatever
 * it was told. What it hears is held against what it was promised.
 */
import { framesIn, type RawFrame } from '../../../lambdas/wire/stomp/grammar.ts';
import type { Peer, Socket } from './sockets.ts';
import { tokenOf } from './tokens.ts';
import type { World } from './world.ts';

const TOKEN_LIFE_MS = 24 * 3_600_000;
const RECONNECT_MS = 5000;
const HEART_BEAT_MS = 6 * 60_000;
/** As many as a broker's client would be surprised by. */
const LONG_MS = 60_000;

/** Of all connections of a device, in all its tabs: everything up to here came. */
export interface Progress {
  through: number | undefined;
}

export interface StompDeviceSpec {
  userId: string;
  deviceId: string;
  ack: 'auto' | 'client' | 'client-individual';
  /** As `accept-version` says it: with a single one, several replayed messages may share a text. */
  version: '1.1' | '1.2';
}

export class StompDevice implements Peer {
  readonly spec: StompDeviceSpec;
  /** Codes of the errors that it was told. */
  readonly errors: string[] = [];
  beats = true;
  wanted = false;
  socket: Socket | undefined;
  /** On this connection. Undefined: nothing yet. */
  last: number | undefined;
  isSubscribed = false;
  readonly progress: Progress;
  readonly #world: World;
  #connectedAt = 0;

  /** `progress`: shared by the tabs of one device, which share its cursor. */
  constructor(world: World, spec: StompDeviceSpec, progress: Progress = { through: undefined }) {
    this.#world = world;
    this.progress = progress;
    this.spec = spec;
  }

  get channel(): string {
    return `user:${this.spec.userId}`;
  }

  goOnline(): void {
    this.wanted = true;
    if (!this.socket) this.#connect();
  }

  goOffline(unnoticed: boolean): void {
    this.wanted = false;
    const { socket } = this;
    this.socket = undefined;
    if (socket) this.#world.sockets.leave(socket, unnoticed);
  }

  #connect(): void {
    const { world, spec } = { world: this.#world, spec: this.spec };
    const tokenExpiresAt = Math.ceil((world.scheduler.now + TOKEN_LIFE_MS) / 1000) * 1000;
    const permissions = { subscribe: [], publish: [] };
    const token = tokenOf(spec.userId, tokenExpiresAt, permissions);
    this.last = undefined;
    this.isSubscribed = false;
    this.#connectedAt = world.scheduler.now;
    this.socket = world.sockets.connect(
      {
        userId: spec.userId,
        deviceId: spec.deviceId,
        ackMode: spec.ack === 'auto' ? 'auto' : 'client',
        token,
        tokenExpiresAt,
        permissions,
        handover: false,
        isStomp: true,
      },
      this,
    );
  }

  #say(socket: Socket, text: string): void {
    this.#world.sockets.send(socket, text);
  }

  opened(socket: Socket): void {
    if (socket !== this.socket) return;
    const { version, deviceId } = this.spec;
    this.#say(
      socket,
      `CONNECT\naccept-version:${version}\nAuthorization:${socket.token}\nX-GD-UID:${deviceId}\n\n\0`,
    );
  }

  #beat(socket: Socket): void {
    this.#world.scheduler.after(HEART_BEAT_MS, () => {
      if (socket !== this.socket) return;
      if (this.beats) this.#say(socket, '\n');
      this.#beat(socket);
    });
  }

  received(socket: Socket, text: string): void {
    if (socket !== this.socket) return;
    // API Gateway itself says so where a Lambda has died.
    if (text.startsWith('{"message"')) {
      this.#world.sockets.leave(socket, false);
      this.#again(socket);
      return;
    }
    for (const frame of framesIn(text)) this.#heard(socket, frame);
  }

  #heard(socket: Socket, { command, headers }: RawFrame): void {
    const header = (name: string) => headers.find(([one]) => one === name)?.[1] ?? '';
    if (command === 'CONNECTED') {
      this.#beat(socket);
      this.#say(socket, `SUBSCRIBE\nid:sub-0\ndestination:/user/queue/x\nack:${this.spec.ack}\n\n\0`);
    }
    if (command === 'ERROR') this.errors.push(header('message'));
    if (command !== 'MESSAGE') return;
    this.isSubscribed = true;
    this.#took(Number(header('seq')), header('notification-id'));
    if (this.spec.ack !== 'auto') this.#say(socket, `ACK\nid:${header('ack')}\n\n\0`);
  }

  #took(seq: number, id: string): void {
    const { violated, ledger } = this.#world.judge;
    const who = `${this.spec.userId}/${this.spec.deviceId} (${this.spec.ack})`;
    if (ledger.entry(this.channel, seq)?.id !== id)
      violated('what is told is what is stored', `${who}: seq ${seq} as ${id}`);
    if (this.last !== undefined && seq !== this.last + 1)
      violated('a STOMP connection hears each seq once and in order', `${who}: ${seq} after ${this.last}`);
    const { through } = this.progress;
    // Of mode `auto` a message counts as heard once the gateway has taken it.
    const isBefore =
      this.spec.ack === 'auto' && this.#world.judge.wasPosted(this.spec, this.channel, seq - 1);
    if (through !== undefined && seq > through + 1 && !isBefore)
      violated('a STOMP device misses nothing', `${who}: ${seq}, and had come to ${through}`);
    if (this.spec.ack !== 'auto') this.#world.judge.took(this.spec, this.channel, seq);
    this.last = seq;
    this.progress.through = Math.max(through ?? 0, seq);
  }

  /** Whether it has heard everything. */
  get isCaughtUp(): boolean {
    return (this.last ?? this.progress.through ?? 0) >= this.#world.judge.ledger.channel(this.channel).head;
  }

  /** Whether it has been connected for a while. */
  get isSettled(): boolean {
    return this.socket?.state === 'open' && this.#world.scheduler.now - this.#connectedAt > LONG_MS;
  }

  refused(socket: Socket): void {
    this.#again(socket);
  }

  closed(socket: Socket): void {
    this.#again(socket);
  }

  #again(socket: Socket): void {
    if (socket !== this.socket) return;
    this.socket = undefined;
    this.#world.scheduler.after(RECONNECT_MS, () => {
      if (this.wanted && !this.socket) this.#connect();
    });
  }
}

/** A connection that does what a trial says and nothing else, and keeps what it hears. */
import type { ServerFrame } from '../../../lambdas/protocol/frames.ts';
import { NO_PERMISSIONS, type Permissions } from '../../../lambdas/protocol/permissions.ts';
import type { Peer, Socket } from './sockets.ts';
import { tokenOf } from './tokens.ts';
import type { World } from './world.ts';

const TOKEN_LIFE_MS = 24 * 3_600_000;

export interface ProbeSpec {
  userId: string;
  deviceId: string | undefined;
  ackMode: 'auto' | 'client';
  /** @default none */
  permissions?: Permissions;
}

export class Probe implements Peer {
  readonly socket: Socket;
  readonly frames: ServerFrame[] = [];
  readonly #world: World;
  readonly #opened: (probe: Probe) => void;
  #refs = 0;

  /** `opened`: called when its socket is. */
  constructor(
    world: World,
    { permissions = NO_PERMISSIONS, ...spec }: ProbeSpec,
    opened: (probe: Probe) => void = () => {},
  ) {
    this.#world = world;
    this.#opened = opened;
    const tokenExpiresAt = Math.ceil((world.scheduler.now + TOKEN_LIFE_MS) / 1000) * 1000;
    const token = tokenOf(spec.userId, tokenExpiresAt, permissions);
    this.socket = world.sockets.connect(
      { ...spec, permissions, token, tokenExpiresAt, handover: false },
      this,
    );
  }

  /** Returns the `ref` of the frame. */
  say(frame: object): string {
    const ref = `probe ${++this.#refs}`;
    this.#world.sockets.send(this.socket, JSON.stringify({ ...frame, ref }));
    return ref;
  }

  leave(): void {
    this.#world.sockets.leave(this.socket, false);
  }

  /** The frames of one kind, in the order in which they came. */
  heard<Event extends ServerFrame['event']>(event: Event): Extract<ServerFrame, { event: Event }>[] {
    return this.frames.filter(
      (frame): frame is Extract<ServerFrame, { event: Event }> => frame.event === event,
    );
  }

  /** The frame that answers the one with this `ref`. */
  answerTo(ref: string): ServerFrame | undefined {
    return this.frames.find((frame) => 'ref' in frame && frame.ref === ref);
  }

  /** Whether a message came, live or in a replay. */
  has(channel: string, seq: number): boolean {
    const messages = this.heard('replay').flatMap((frame) =>
      frame.channel === channel ? frame.messages : [],
    );
    const live = this.heard('message').filter((frame) => frame.channel === channel);
    return [...messages, ...live].some((message) => message.seq === seq);
  }

  received(socket: Socket, text: string): void {
    const frame = JSON.parse(text) as ServerFrame;
    this.frames.push(frame);
    if (frame.event !== 'message' && frame.event !== 'replay') return;
    const { ledger, cursors } = this.#world.judge;
    const { channel } = frame;
    const epoch = ledger.channel(channel).epoch ?? '';
    // What it has heard, it may acknowledge.
    for (const { seq } of frame.event === 'message' ? [frame] : frame.messages)
      if (socket.ackMode === 'client') cursors.give(socket, channel, epoch, seq);
  }

  opened(): void {
    this.#opened(this);
  }

  refused(): void {}
  closed(): void {}
}

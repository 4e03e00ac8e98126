/**
 * How a model device follows one channel: it keeps its position, acknowledges what is contiguous or
 * covered by a `through`, and asks for a replay when it sees a gap or a head beyond its position.
 */
import type { ReplayFrame } from '../../../lambdas/protocol/frames.ts';
import { REPLAY_WINDOW_FRAMES } from '../../../lambdas/protocol/limits.ts';
import type { DeviceSpec, Position } from './device.ts';
import type { World } from './world.ts';

const PATIENCE_WITH_GAP_MS = 2000;
const SYNC_TIMEOUT_MS = 15_000;

/** What a channel needs of its device. */
export interface Follower {
  readonly spec: DeviceSpec;
  send(frame: object): void;
  /** The position has moved, or stands at its beginning. */
  moved(hearing: Hearing): void;
}

export class Hearing {
  readonly channel: string;
  position: Position | undefined;
  /** `pong` frames in a row that did not name the channel. */
  missedPongs = 0;
  readonly #world: World;
  readonly #device: Follower;
  /** Messages beyond the position, by seq; a withdrawal has no id. */
  readonly #ahead = new Map<number, string | undefined>();
  #framesOfWindow = 0;
  #syncing = false;
  #watching = false;
  #stopped = false;

  constructor(channel: string, world: World, device: Follower) {
    this.channel = channel;
    this.#world = world;
    this.#device = device;
  }

  /** `known`: where the device stood before. False: the numbering began anew. */
  begin({ epoch, seq }: Position, known: Position | undefined): boolean {
    const before = this.position ?? (known?.epoch === epoch ? known : undefined);
    if (before && before.epoch !== epoch) return false;
    this.position = { epoch, seq: Math.max(seq, before?.seq ?? 0) };
    this.#device.moved(this);
    this.#settle(this.position.seq);
    if (this.#ahead.size > 0) this.#watchGap();
    return true;
  }

  /** A message, or a withdrawal, which has no id. */
  take(seq: number, id?: string): void {
    if (this.position && seq <= this.position.seq) return;
    this.#ahead.set(seq, id);
    if (!this.position) return;
    this.#settle(this.position.seq);
    if (this.#ahead.size > 0) this.#watchGap();
  }

  /** False: the numbering began anew. */
  takeReplay({ epoch, messages, after, through, more }: ReplayFrame): boolean {
    const { position } = this;
    if (!position) return true;
    if (epoch !== position.epoch) return false;
    for (const { seq, id } of messages) if (seq > position.seq) this.#ahead.set(seq, id);
    // What begins beyond our position settles nothing of what comes before it.
    this.#settle(after <= position.seq ? through : position.seq);
    if (this.#ahead.size > 0) this.#watchGap();
    this.#framesOfWindow += 1;
    if (!more) this.#syncing = false;
    else if (this.#device.spec.ackMode === 'client' && this.#framesOfWindow % REPLAY_WINDOW_FRAMES === 0) {
      this.#syncing = false;
      this.#sync();
    }
    return true;
  }

  /** A `pong` tells the head. False: the numbering began anew. */
  heardOf(head: Position): boolean {
    this.missedPongs = 0;
    if (!this.position) return true;
    if (head.epoch !== this.position.epoch) return false;
    if (head.seq > this.position.seq) this.#sync();
    return true;
  }

  /** A message beyond the position, which waits for what comes before it. */
  holds(seq: number): boolean {
    return this.#ahead.has(seq);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Everything up to `through` is settled, and what follows it without a gap. */
  #settle(through: number): void {
    const { position } = this;
    if (!position) return;
    const { judge } = this.#world;
    const { spec } = this.#device;
    const before = position.seq;
    for (const seq of this.#ahead.keys()) if (seq <= before) this.#ahead.delete(seq);
    while (position.seq < through || this.#ahead.has(position.seq + 1)) {
      position.seq += 1;
      const id = this.#ahead.get(position.seq);
      this.#ahead.delete(position.seq);
      if (id === undefined) judge.clientPassed(spec, this.channel, position.epoch, position.seq);
      else judge.clientTook(spec, this.channel, position.epoch, position.seq, id);
    }
    if (position.seq > before) this.#device.moved(this);
  }

  #watchGap(): void {
    if (this.#watching) return;
    this.#watching = true;
    this.#world.scheduler.after(PATIENCE_WITH_GAP_MS, () => {
      this.#watching = false;
      if (this.#stopped || this.#ahead.size === 0) return;
      if (this.#world.anonymousAsk || this.#device.spec.deviceId !== undefined) this.#sync();
      this.#watchGap();
    });
  }

  #sync(): void {
    const { position, channel } = this;
    if (!position || this.#syncing || this.#stopped) return;
    this.#syncing = true;
    this.#framesOfWindow = 0;
    this.#world.scheduler.after(SYNC_TIMEOUT_MS, () => {
      this.#syncing = false;
    });
    const { seq, epoch } = position;
    this.#device.send({ action: 'sync', channel, after: seq, epoch, ref: `sync ${channel}` });
  }
}

/**
 * Keeps this device connected: connects again after a loss and replaces a connection before it grows too old. `main` is
 * the connection that is used, `next` the one being prepared to take over from it.
 */
import type {
  ByeFrame,
  ErrorFrame,
  ReadyFrame,
  ReplayFrame,
  ServerFrame,
} from '../lambdas/protocol/frames.ts';
import { Connection, type Ended } from './connection.ts';
import type { World } from './environment.ts';
import { Line } from './line.ts';
import type { Delivery, Started } from './receiver.ts';
import { Retry } from './retry.ts';
import { Timer } from './timer.ts';
import { HeraldError, type Position, type Status, type TokenSource } from './types.ts';

export interface LinkEvents {
  status(status: Status): void;
  error(error: HeraldError): void;
  /** Resolves when the deliveries that follow can be taken. True: the numbering began anew. */
  start(start: Started): Promise<boolean>;
  deliver(delivery: Delivery): void;
  /** Where the next sync would begin. */
  settled(): number;
  /** A sync that could not be sent may be now. */
  idle(): void;
}

export class Link {
  readonly #world: World;
  readonly #url: string;
  readonly #events: LinkEvents;
  readonly #retry: Retry;
  readonly #handover: Timer;
  #main: Line | undefined;
  #next: Line | undefined;
  #isStopped = false;

  constructor(world: World, url: string, token: TokenSource, events: LinkEvents) {
    this.#world = world;
    this.#url = url;
    this.#events = events;
    this.#handover = new Timer(world);
    this.#retry = new Retry(world, token, {
      connect: () => this.start(),
      status: events.status,
      error: events.error,
    });
  }

  start(): void {
    this.#events.status({ state: 'connecting' });
    this.#main = this.#open(this.#url, false);
  }

  stop(): void {
    this.#isStopped = true;
    this.#retry.stop();
    this.#handover.cancel();
    this.#main?.close();
    this.#next?.close();
  }

  /** The network or the page came back: is the connection still there? */
  wake(): void {
    if (this.#main?.ready) this.#main.connection.probe();
    else this.#retry.hurry();
  }

  /** False: not now; one replay at a time, so that it stays clear what settles what. */
  sync(after: number): boolean {
    const line = this.#main;
    if (!line?.ready || line.isReplaying) return false;
    const { epoch } = line.ready;
    if (!line.connection.send({ action: 'sync', after, epoch, ref: 'sync' })) return false;
    line.begin(after);
    this.#watch(line);
    return true;
  }

  /** False: it could not be sent. */
  ack({ epoch, seq }: Position): boolean {
    const line = this.#main;
    return line?.ready?.epoch === epoch && line.connection.send({ action: 'ack', seq, epoch });
  }

  #open(url: string, isOverlapping: boolean): Line {
    const connection = new Connection(this.#world, url, {
      token: () => this.#retry.token(),
      frame: (frame, size) => line.queue(() => this.#frame(line, frame, size)),
      ended: (ended) => this.#ended(line, ended),
    });
    const line = new Line(connection, isOverlapping, new Timer(this.#world));
    return line;
  }

  async #frame(line: Line, frame: ServerFrame, size: number): Promise<void> {
    if (this.#isStopped || (line !== this.#main && line !== this.#next)) return;
    if (frame.event === 'ready') return this.#ready(line, frame);
    const { ready } = line;
    if (!ready || ('channel' in frame && frame.channel !== ready.channel)) return;
    // Live messages do not tell their numbering: a connection that outlived it learns from a replay or a pong.
    if ('epoch' in frame && frame.epoch !== ready.epoch) return line.restart('bad frame');
    if (frame.event === 'message') this.#events.deliver({ ...frame, size });
    if (frame.event === 'replay') this.#replay(line, frame, size);
    if (frame.event === 'pong') this.#events.deliver(frame);
    if (frame.event === 'error') this.#refused(line, frame);
  }

  async #ready(line: Line, frame: ReadyFrame): Promise<void> {
    // A connection may be told twice.
    if (line.ready) return;
    line.ready = frame;
    line.begin(frame.cursor);
    const isAnew = await this.#events.start({ ...frame, isOverlapping: line.isOverlapping });
    if (this.#isStopped) return;
    if (line === this.#main) this.#began(line);
    // Two numberings at once cannot be told apart.
    else if (line === this.#next && isAnew) this.#promote();
    else if (line === this.#next) this.#watch(line);
  }

  #began(line: Line): void {
    this.#retry.connected();
    // One that takes over was live by the other: its first replay frame tells whether it still is.
    if (!line.isOverlapping) this.#events.status({ state: line.isReplaying ? 'replaying' : 'live' });
    this.#watch(line);
    this.#planHandover(this.#world.timing.handoverAfterMs * (1 + 0.07 * this.#world.random()));
  }

  #replay(line: Line, frame: ReplayFrame, size: number): void {
    line.receive(frame);
    this.#events.deliver({ ...frame, from: frame.after, size });
    this.#watch(line);
    if (line === this.#next && !line.isReplaying) this.#promote();
    if (line !== this.#main) return;
    this.#events.status({ state: frame.more ? 'replaying' : 'live' });
    if (!line.isReplaying) this.#events.idle();
  }

  #refused(line: Line, { code, message, retryable, ref }: ErrorFrame): void {
    if (code === 'epoch_mismatch' || code === 'ack_past_head') line.restart(message);
    else if (!retryable) this.#events.error(new HeraldError('server', message));
    if (ref !== 'sync') return;
    line.isReplaying = false;
    this.#events.idle();
  }

  /** A replay that stops coming is asked for again, on a new connection if the rest of it could still come in between. */
  #watch(line: Line): void {
    line.watch.cancel();
    if (!line.isReplaying) return;
    line.watch.set(this.#world.timing.connectTimeoutMs, () => {
      if (line.reach > this.#events.settled()) return line.restart('no replay');
      line.isReplaying = false;
      if (line === this.#next) this.#promote();
      this.#events.idle();
    });
  }

  #planHandover(delayMs: number): void {
    this.#handover.set(delayMs, () => {
      if (this.#main) this.#main.isRelieved = true;
      this.#next = this.#open(`${this.#url}&handover=1`, true);
    });
  }

  /** The next connection takes over. */
  #promote(): void {
    this.#main?.close();
    this.#main = this.#next;
    this.#next = undefined;
    if (this.#main?.ready) this.#began(this.#main);
    else this.#events.status({ state: 'connecting' });
    this.#events.idle();
  }

  #ended(line: Line, ended: Ended): void {
    line.watch.cancel();
    const { bye, message } = ended;
    if (bye && !mayFollow(bye)) this.#events.status({ state: 'closed', reason: bye.code, message });
    else if (line === this.#next) {
      this.#next = undefined;
      this.#planHandover((0.5 + this.#world.random()) * this.#world.timing.backoffCapMs);
    } else if (line === this.#main && this.#next) {
      this.#promote();
    } else if (line === this.#main) {
      this.#main = undefined;
      this.#handover.cancel();
      const isExpected = line.isRelieved && bye?.code === 'replaced';
      this.#retry.after(isExpected ? { message } : ended);
    }
  }
}

/** Whether another connection of this device may live on. */
const mayFollow = ({ reconnect, code }: ByeFrame): boolean =>
  reconnect || code === 'replaced' || code === 'token_expired';

/** A device that runs our client library, on a WebSocket, a clock and a storage of this world. */

import { Client } from '../../../client/client.ts';
import type { Environment } from '../../../client/environment.ts';
import type { Message } from '../../../client/types.ts';
import { type Device, type DeviceSpec, PING_MS, type Position, type Storage } from './device.ts';
import { LibrarySocket } from './library-socket.ts';
import { LibraryStorage } from './library-storage.ts';
import type { Socket } from './sockets.ts';
import { tokenOf } from './tokens.ts';
import type { World } from './world.ts';

const LONG_MS = 24 * 3_600_000;

/** One run of the program. */
interface Run {
  session: Client;
  /** No timer fires and no frame arrives any more. */
  isDead: boolean;
  sockets: LibrarySocket[];
  /** How far the judge has been told that everything is settled. */
  told: Position | undefined;
  taken: Set<number>;
  /** The numbering began anew while it ran. */
  wasReset: boolean;
}

export class LibraryDevice implements Device {
  wanted = false;
  readonly spec: DeviceSpec;
  readonly #world: World;
  readonly #storage = new LibraryStorage();
  #run: Run | undefined;

  constructor(world: World, spec: DeviceSpec) {
    this.#world = world;
    this.spec = spec;
  }

  /** It does not subscribe, and passes over what it hears of other channels. */
  readonly followsTopics = false;
  readonly wantedTopics: ReadonlySet<string> = new Set();

  position(channel: string): Position | undefined {
    return channel === this.#own ? this.#run?.session.cursor : undefined;
  }

  get #own(): string {
    return `user:${this.spec.userId}`;
  }

  get socket(): Socket | undefined {
    return this.#run?.sockets.findLast(({ isOpen }) => isOpen)?.socket;
  }

  goOnline(): void {
    this.wanted = true;
    this.#run ??= this.#start();
  }

  goOffline(unnoticed: boolean): void {
    this.wanted = false;
    const run = this.#run;
    this.#run = undefined;
    if (unnoticed) this.#kill(run, true);
    else run?.session.close().catch(this.#world.failed);
  }

  crash(storage: Storage): void {
    const { faults, random } = this.#world;
    faults.note('Client', storage === 'kept' ? 'crash' : storage === 'old' ? 'old storage' : 'storage lost');
    this.#kill(this.#run, random.chance(0.5));
    this.#run = undefined;
    this.#storage.afterCrash(storage, random);
    if (this.wanted) this.#run = this.#start();
  }

  sendRaw(text: string): void {
    const { socket } = this;
    const hasHeardReady = this.#run?.session.status.state === 'live';
    if (socket && hasHeardReady) this.#world.sockets.send(socket, text);
  }

  holds(): boolean {
    return false;
  }

  declines(): boolean {
    return false;
  }

  subscribe(): void {}

  unsubscribe(): void {}

  async ask(): Promise<undefined> {}

  #kill(run: Run | undefined, unnoticed: boolean): void {
    if (!run) return;
    run.isDead = true;
    for (const socket of run.sockets) socket.drop(unnoticed);
  }

  #start(): Run {
    const { spec } = this;
    const run: Partial<Run> = {
      isDead: false,
      sockets: [],
      told: undefined,
      taken: new Set(),
      wasReset: false,
    };
    const options = {
      token: () => tokenOf(spec.userId, this.#tokenExpiresAt(), spec.permissions),
      deviceId: spec.deviceId,
      storage: this.#storage,
      timing: {
        pingEveryMs: PING_MS,
        tickMs: 60_000,
        ...(spec.handoverAfterMs && { handoverAfterMs: spec.handoverAfterMs }),
      },
    };
    run.session = new Client('wss://gateway.simulated/stage', options, this.#environment(run as Run));
    run.session.on('message', (message) => this.#take(run as Run, message));
    run.session.on('status', (status) => {
      this.#world.trace(`${spec.userId}/${spec.deviceId} is ${JSON.stringify(status)}`);
      if (status.state !== 'closed' || this.#run !== run) return;
      this.wanted = false;
      this.#run = undefined;
    });
    run.session.on('error', (error) => this.#world.trace(`${spec.userId}/${spec.deviceId}: ${error}`));
    return run as Run;
  }

  #tokenExpiresAt(): number {
    const { scheduler, faults } = this.#world;
    return Math.ceil((scheduler.now + (faults.on ? this.spec.tokenLifeMs : LONG_MS)) / 1000) * 1000;
  }

  #environment(run: Run): Environment {
    const { scheduler, random, failed } = this.#world;
    return {
      now: () => Math.floor(scheduler.now),
      monotonic: () => scheduler.now,
      after: (milliseconds, action) =>
        scheduler.after(milliseconds, () => {
          if (!run.isDead) action();
        }),
      random: () => random.next(),
      openSocket: (url, protocols) => {
        const socket = new LibrarySocket(this.#world, this.spec, url, protocols, () => this.#tellPassed(run));
        run.sockets.push(socket);
        if (run.isDead) socket.drop(false);
        return socket;
      },
      onWake: () => () => {},
      report: failed,
      hasTabs: false,
      locks: undefined,
      openBroadcast: undefined,
    };
  }

  #take(run: Run, { seq, id }: Message): void {
    if (run.isDead) return;
    const { judge } = this.#world;
    const epoch = this.position(this.#own)?.epoch ?? '';
    run.wasReset ||= run.told !== undefined && run.told.epoch !== epoch;
    // When the numbering begins anew, what was waiting behind a gap of the old one is handed out, and may come again.
    if (run.wasReset && judge.ledger.entry(this.#own, seq)?.id !== id) return;
    if (run.taken.has(seq) && !run.wasReset) {
      judge.violated(
        'a client takes each message once',
        `${this.spec.userId}/${this.spec.deviceId}: seq ${seq}`,
      );
    }
    run.taken.add(seq);
    judge.clientTook(this.spec, this.#own, epoch, seq, id);
  }

  /** What the library counts as settled without having handed it out. */
  #tellPassed(run: Run): void {
    const cursor = run.session.cursor;
    if (!cursor || run.isDead) return;
    if (run.told?.epoch !== cursor.epoch) {
      run.told = { ...cursor };
      run.taken.clear();
    }
    for (; run.told.seq < cursor.seq; run.told.seq += 1) {
      const seq = run.told.seq + 1;
      if (!run.taken.has(seq)) this.#world.judge.clientPassed(this.spec, this.#own, cursor.epoch, seq);
    }
  }
}

/** A device that runs our client library, on a WebSocket, a clock and a storage of this world. */

import { Client } from '../../../client/client.ts';
import type { Environment } from '../../../client/environment.ts';
import type { HeraldError, Message, Topic } from '../../../client/types.ts';
import { type Device, type DeviceSpec, type From, PING_MS, type Position, type Storage } from './device.ts';
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
  /** By channel. */
  listening: Map<string, Listening>;
}

/** What one run takes of one channel. */
interface Listening {
  topic: Pick<Topic, 'on' | 'cursor' | 'close'>;
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
  /** Topics that its person wants, and those that its person wants no more, members' or not. */
  readonly #wanted = new Set<string>();
  readonly #declined = new Set<string>();

  constructor(world: World, spec: DeviceSpec) {
    this.#world = world;
    this.spec = spec;
  }

  get wantedTopics(): ReadonlySet<string> {
    return this.#wanted;
  }

  position(channel: string): Position | undefined {
    return this.#run?.listening.get(channel)?.topic.cursor;
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

  declines(topic: string): boolean {
    return this.#declined.has(topic);
  }

  /** The library knows itself where it stands. */
  subscribe(topic: string, _from: From): void {
    this.#wanted.add(topic);
    this.#declined.delete(topic);
    if (this.#run) this.#listenTo(this.#run, topic);
  }

  unsubscribe(topic: string): void {
    this.#wanted.delete(topic);
    this.#declined.add(topic);
    if (this.#run) this.#close(this.#run, topic);
  }

  async ask(): Promise<undefined> {}

  #kill(run: Run | undefined, unnoticed: boolean): void {
    if (!run) return;
    run.isDead = true;
    for (const socket of run.sockets) socket.drop(unnoticed);
  }

  #start(): Run {
    const { spec } = this;
    const run: Partial<Run> = { isDead: false, sockets: [], listening: new Map() };
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
    this.#listen(run as Run, this.#own, run.session);
    if (this.#world.settings.everyone) this.#listen(run as Run, 'everyone', run.session.everyone);
    for (const topic of this.#wanted) this.#listenTo(run as Run, topic);
    run.session.on('subscribed', ({ topic }) => {
      if (!this.#declined.has(topic)) this.#listenTo(run as Run, topic);
    });
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
      onHide: () => () => {},
      report: failed,
      hasTabs: false,
      locks: undefined,
      openBroadcast: undefined,
    };
  }

  #listenTo(run: Run, topic: string): void {
    const channel = `topic:${topic}`;
    if (run.listening.has(channel)) return;
    const heard = run.session.topic(topic);
    this.#listen(run, channel, heard);
    heard.on('error', ({ code }: HeraldError) => {
      const { socket } = this;
      if (code !== 'forbidden' || run.isDead || !socket) return;
      this.#world.judge.refusedSubscription(socket, topic);
      this.#wanted.delete(topic);
      this.#close(run, topic);
    });
  }

  #listen(run: Run, channel: string, topic: Listening['topic']): void {
    const listening: Listening = { topic, told: undefined, taken: new Set(), wasReset: false };
    run.listening.set(channel, listening);
    topic.on('message', (message) => this.#take(run, channel, listening, message));
  }

  #close({ listening }: Run, topic: string): void {
    listening.get(`topic:${topic}`)?.topic.close();
    listening.delete(`topic:${topic}`);
  }

  #take(run: Run, channel: string, listening: Listening, { seq, id }: Message): void {
    if (run.isDead) return;
    const { judge } = this.#world;
    const { taken, told } = listening;
    const epoch = listening.topic.cursor?.epoch ?? '';
    listening.wasReset ||= told !== undefined && told.epoch !== epoch;
    // When the numbering begins anew, what was waiting behind a gap of the old one is handed out, and may come again.
    if (listening.wasReset && judge.ledger.entry(channel, seq)?.id !== id) return;
    if (taken.has(seq) && !listening.wasReset) {
      const who = `${this.spec.userId}/${this.spec.deviceId}`;
      judge.violated('a client takes each message once', `${who}: ${channel} seq ${seq}`);
    }
    taken.add(seq);
    judge.clientTook(this.spec, channel, epoch, seq, id);
  }

  /** What the library counts as settled without having handed it out. */
  #tellPassed(run: Run): void {
    for (const [channel, listening] of run.isDead ? [] : run.listening) {
      const { cursor } = listening.topic;
      if (!cursor) continue;
      if (listening.told?.epoch !== cursor.epoch) {
        listening.told = { ...cursor };
        listening.taken.clear();
      }
      const { told, taken } = listening;
      for (; told.seq < cursor.seq; told.seq += 1) {
        const seq = told.seq + 1;
        if (!taken.has(seq)) this.#world.judge.clientPassed(this.spec, channel, cursor.epoch, seq);
      }
    }
  }
}

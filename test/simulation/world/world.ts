/** Everything there is in one run, and the story it tells: chaos, then rest, then a clean second act. */
import { LAMBDAS } from '../../../lambdas/manifest.ts';
import { NO_PERMISSIONS } from '../../../lambdas/protocol/permissions.ts';
import { Judge, type Violation } from '../checks/judge.ts';
import { Rest } from '../checks/rest.ts';
import { Database } from '../dynamodb/database.ts';
import type { Row } from '../dynamodb/expressions.ts';
import { Faults } from '../faults.ts';
import type { Operation, Plan } from '../plan.ts';
import { Random } from '../random.ts';
import { Scheduler } from '../scheduler.ts';
import type { Device } from './device.ts';
import { Lambdas } from './lambdas.ts';
import { LibraryDevice } from './library-device.ts';
import { ModelDevice } from './model-device.ts';
import { Publishers } from './publishers.ts';
import { Readers } from './readers.ts';
import { RetryQueue } from './retry-queue.ts';
import { type Peer, Sockets } from './sockets.ts';
import { Stream } from './stream.ts';
import { forgedToken } from './tokens.ts';
import { TopicOperators } from './topic-operators.ts';
import { Withdrawers } from './withdrawers.ts';

const START = Date.UTC(2027, 0, 1);
const MAX_STEPS = 1_000_000;

export interface Options {
  /** Faults by ordinal that do not happen after all. */
  dropped?: ReadonlySet<number>;
  trace?: (line: string) => void;
}

export class World {
  readonly scheduler = new Scheduler(START);
  readonly random: Random;
  readonly faults: Faults;
  readonly database: Database;
  readonly streams: Stream[];
  readonly retries: RetryQueue;
  readonly fanOuts: RetryQueue;
  readonly lambdas: Lambdas;
  readonly sockets: Sockets;
  readonly publishers: Publishers;
  readonly operators: TopicOperators;
  readonly readers: Readers;
  readonly withdrawers: Withdrawers;
  readonly devices: Device[];
  readonly judge: Judge;
  readonly plan: Plan;
  readonly settings;
  clientsPing = true;
  /** Whether anonymous clients that see a gap ask for what is missing. The gap of others may be their own message. */
  anonymousAsk = true;
  /** Whether every call is answered within milliseconds. */
  isQuick = false;
  /** How long a slow call takes, at most. */
  slowestMs: number | undefined;
  /** Whether clients that hear nothing at all try again. */
  clientsMayGiveUp = true;
  #snapshot: { messages: Row[]; publishes: Row[] } | undefined;
  #restores = 0;
  readonly #trace: ((line: string) => void) | undefined;

  constructor(seed: number, plan: Plan, { dropped = new Set(), trace }: Options) {
    this.plan = plan;
    this.#trace = trace;
    this.random = new Random(seed, 'world');
    this.faults = new Faults(seed, plan.rates, dropped, () => this.scheduler.now - START);
    this.settings = {
      maxConnectionsPerUser: plan.maxConnectionsPerUser,
      maxDevicesPerUser: 1000,
      frameRate: 10,
      maxSubscriptions: 100,
      everyone: plan.everyone,
      openTopics: plan.openTopics,
      fanOutPage: plan.fanOutPage,
      fanOutRate: 5000,
      appMessages: false,
      events: false,
      offlineAfterSeconds: 30,
      defaultRetentionSeconds: 7 * 24 * 3600,
      closedTypes: false,
      logSampling: 100,
      stomp: { perAddress: 20, inAll: 1000 },
    };
    this.database = new Database(this.scheduler, this.random, plan.temper);
    this.database.onTemper = (kind) => this.faults.note('Tables', kind);
    this.lambdas = new Lambdas(this);
    this.sockets = new Sockets(this);
    this.publishers = new Publishers(this);
    this.operators = new TopicOperators(this);
    this.readers = new Readers(this);
    this.withdrawers = new Withdrawers(this);
    this.streams = LAMBDAS.reconcile.streams.map((source) => new Stream(this, source));
    this.retries = new RetryQueue(this, 'reconcile');
    this.fanOuts = new RetryQueue(this, 'fan-out');
    this.judge = new Judge(this);
    this.devices = plan.devices.map((spec) =>
      spec.program === 'library' ? new LibraryDevice(this, spec) : new ModelDevice(this, spec),
    );
    this.database.onChange = (change) => {
      this.judge.changed(change);
      for (const stream of this.streams) stream.add(change);
    };
  }

  /** When the last fault was over. Undefined: there may be more. */
  get calmSince(): number | undefined {
    const { calmSince } = this.faults;
    return calmSince === undefined ? undefined : START + calmSince;
  }

  /** Resolves with the first violation, if there is one. */
  async run(): Promise<Violation | undefined> {
    for (const operation of this.plan.operations)
      this.scheduler.after(operation.at, () => this.#perform(operation));
    try {
      await this.#until(START + this.plan.lengthMs);
      await new Rest(this, (instant) => this.#until(instant)).run();
    } catch (error) {
      if (!(error instanceof Stopped)) this.judge.violated('the world comes to rest', String(error));
    }
    return this.judge.violation;
  }

  async #until(instant: number): Promise<void> {
    await this.scheduler.runUntil(instant, MAX_STEPS, () => this.judge.violation !== undefined);
    if (this.judge.violation) throw new Stopped();
  }

  trace(line: string): void {
    this.#trace?.(`${((this.scheduler.now - START) / 1000).toFixed(3).padStart(12)} s  ${line}`);
  }

  /** A fault of the simulation itself, or a rejection nobody handled. */
  failed = (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.judge.violated('no unhandled rejection', text);
  };

  #perform({ act }: Operation) {
    this.trace(`» ${JSON.stringify(act)}`);
    switch (act.kind) {
      case 'publish':
        return this.#begin(this.publishers.publish(act.publish));
      case 'online':
        return this.devices[act.device]?.goOnline();
      case 'offline':
        return this.devices[act.device]?.goOffline(act.unnoticed);
      case 'crash':
        return this.devices[act.device]?.crash(act.storage);
      case 'malformed':
        this.faults.note('Client', 'malformed frame');
        return this.devices[act.device]?.sendRaw(act.frame);
      case 'intruder':
        return this.#intrude(act.userId);
      case 'revoke':
        return this.#begin(this.publishers.revoke(act.userId, act.deviceId));
      case 'history':
        return this.#begin(this.#readHistory(act.channel));
      case 'presence':
        return this.#begin(this.publishers.askPresence(act.userId));
      case 'subscribe':
        return this.devices[act.device]?.subscribe(act.topic, act.from);
      case 'unsubscribe':
        return this.devices[act.device]?.unsubscribe(act.topic);
      case 'join':
        return this.#begin(this.operators.join(act.topic, act.userId));
      case 'leave':
        return this.#begin(this.operators.leave(act.topic, act.userId));
      case 'members':
        return this.#begin(this.operators.change(act.topic, act.add, act.remove));
      case 'look':
        return this.#begin(this.operators.look(act.topic));
      case 'mark':
        return this.readers.mark(act.device);
      case 'mark over http':
        return this.#begin(this.readers.markOverHttp(act.userId));
      case 'inbox':
        return this.#begin(this.readers.look(act.device, act.channel));
      case 'inbox over http':
        return this.#begin(this.readers.lookOverHttp(act.userId));
      case 'withdraw':
        return this.#begin(this.withdrawers.withdraw(act));
      case 'snapshot':
        this.#snapshot = {
          messages: this.database.rows('messages'),
          publishes: this.database.rows('publishes'),
        };
        return;
      case 'restore':
        return this.#restore();
      default:
        return act satisfies never;
    }
  }

  #readHistory(channel: string): Promise<void> {
    return channel.startsWith('user:')
      ? this.publishers.readHistory(channel.slice('user:'.length))
      : this.operators.readHistory(channel);
  }

  #begin(work: Promise<void>): void {
    work.catch(this.failed);
  }

  /** Somebody with a token that is none of ours. */
  #intrude(userId: string): void {
    const tokenExpiresAt = this.scheduler.now + 3_600_000;
    const peer: Peer = {
      opened: (socket) => this.judge.violated('no connection without a token', `${socket.id} as ${userId}`),
      refused: () => {},
      received: () => {},
      closed: () => {},
    };
    const token = forgedToken(userId, tokenExpiresAt);
    const opening = {
      userId,
      deviceId: 'intruder',
      ackMode: 'auto',
      token,
      tokenExpiresAt,
      permissions: NO_PERMISSIONS,
      handover: false,
    } as const;
    this.sockets.connect(opening, peer);
  }

  /** Every channel gets a head in a new epoch. A backup may hold a message and not yet the head that moved onto it. */
  #renumbered(rows: Row[]): Row[] {
    const heads = new Map<string, Row>();
    for (const row of rows) {
      const channel = String(row.channel);
      const before = heads.get(channel) ?? {
        channel,
        seq: 0,
        epoch: '',
        head: 0,
        updatedAt: this.scheduler.now,
      };
      const head = Math.max(Number(before.head), Number(row.seq === 0 ? row.head : row.seq));
      const epoch = `00000000-0000-7000-9000-${String(this.#restores).padStart(12, '0')}`;
      heads.set(channel, { ...before, epoch, head });
    }
    return [...rows.filter(({ seq }) => seq !== 0), ...heads.values()];
  }

  /** The tables as they were, and the step the operations guide asks for: every channel gets a new epoch. */
  #restore(): void {
    if (!this.#snapshot) return;
    this.faults.note('Tables', 'restored');
    const { messages, publishes } = this.#snapshot;
    this.#restores += 1;
    this.lambdas.killAll();
    const renumbered = this.#renumbered(messages);
    this.database.restore('messages', renumbered);
    if (this.random.chance(0.5)) this.database.restore('publishes', publishes);
    this.judge.ledger.restored(renumbered);
    this.publishers.forgetAnswers();
  }
}

class Stopped extends Error {}

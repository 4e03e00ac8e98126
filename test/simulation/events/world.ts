/** One run: people publish, answer, come and go; then the faults stop, and what was told is held against what happened. */
import type { App } from '../../../lambdas/domain/app.ts';
import { acknowledge, findStart } from '../../../lambdas/domain/cursor.ts';
import { mark } from '../../../lambdas/domain/inbox/read-state.ts';
import { withdraw } from '../../../lambdas/domain/inbox/withdraw.ts';
import { type ConnectionKey, ownSubscription, userChannel } from '../../../lambdas/domain/model.ts';
import { LAMBDAS } from '../../../lambdas/manifest.ts';
import { aConnection } from '../../support/builders.ts';
import { Database } from '../dynamodb/database.ts';
import { Faults } from '../faults.ts';
import { Random } from '../random.ts';
import { Scheduler } from '../scheduler.ts';
import { Checks, keyOf, type Violation } from './checks.ts';
import { invoke, performed } from './lambdas.ts';
import { type Act, type Escalated, type Plan, USERS } from './plan.ts';
import { DelayQueue, Feed } from './sources.ts';

const START = Date.UTC(2027, 0, 1);
const MAX_STEPS = 300_000;
const HOUR = 3_600_000;
/** Longer than any delay, and than what a stalled stream and lost messages add to it. */
const REST_MS = 12 * HOUR;
const PUBLISH_TRIES = 30;

export class EventsWorld {
  readonly scheduler = new Scheduler(START);
  readonly random: Random;
  readonly faults: Faults;
  readonly noFaults: Faults;
  readonly database: Database;
  readonly checks: Checks;
  readonly queues: { later: DelayQueue; outbox: DelayQueue };
  readonly deadLetters: string[] = [];
  readonly #plan: Plan;
  readonly #open = new Map<string, number>(USERS.map((userId) => [userId, 0]));
  readonly #connected = new Set<string>();
  readonly #rows: { number: number; fate: string }[] = [];

  constructor(seed: number, plan: Plan) {
    this.#plan = plan;
    const sinceStart = () => this.scheduler.now - START;
    this.random = new Random(seed, 'world');
    this.faults = new Faults(seed, plan.rates, new Set(), sinceStart);
    this.noFaults = new Faults(seed, new Map(), new Set(), sinceStart);
    this.database = new Database(this.scheduler, this.random, plan.temper);
    this.checks = new Checks(this.database, () => this.scheduler.now);
    const { scheduler, random, faults } = this;
    const around = {
      ...{ scheduler, random, faults, failed: this.failed },
      invoke: (name: 'later' | 'lifecycle' | 'outbox', event: unknown) => invoke(this, name, event),
    };
    this.queues = { later: new DelayQueue(around, 'later'), outbox: new DelayQueue(around, 'outbox') };
    const feeds = [
      ...LAMBDAS.lifecycle.streams.map((source) => new Feed(around, 'lifecycle', source)),
      ...LAMBDAS.outbox.streams.map((source) => new Feed(around, 'outbox', source)),
    ];
    this.database.onChange = (change) => {
      for (const feed of feeds) feed.add(change);
    };
  }

  failed = (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.checks.violated('the world runs', text);
  };

  async run(): Promise<Violation | undefined> {
    for (const { at, act } of this.#plan.operations)
      this.scheduler.after(at, () => void this.#perform(act).catch(this.failed));
    const end = START + (this.#plan.operations.at(-1)?.at ?? 0);
    await this.#until(end + HOUR);
    this.faults.on = false;
    await this.#until(end + HOUR + REST_MS);
    this.checks.checkCalls(this.#plan.isCalm);
    this.checks.checkPresence(this.#open);
    for (const { number, fate } of this.#rows) this.checks.checkOutbox(number, fate, this.deadLetters);
    return this.checks.violation;
  }

  async #until(instant: number): Promise<void> {
    await this.scheduler.runUntil(instant, MAX_STEPS, () => this.checks.violation !== undefined);
  }

  async #perform(act: Act): Promise<void> {
    switch (act.kind) {
      case 'publish':
        return await this.#publish(act.publish);
      case 'repeat': {
        const wanted = this.checks.wanted.get(act.number);
        return wanted && (await this.#publish(wanted.publish));
      }
      case 'ack':
        return await this.#ack(act.userId, act.deviceId);
      case 'read':
        return await this.#read(act.userId);
      case 'withdraw':
        return await this.#withdraw(act.number);
      case 'begin':
        return await performed(this, async (app) => {
          const channel = userChannel(act.userId);
          const on = await this.#seenOn(app, act.userId);
          await findStart(app, { ...act, ...on, channel }, await app.log.open(channel, on));
        });
      case 'open':
        return await this.#openConnection(act.userId, act.connectionId);
      case 'close':
        return await this.#close(act.userId, act.connectionId);
      case 'outbox':
        return this.#putRow(act);
      default:
        return act satisfies never;
    }
  }

  async #publish(publish: Escalated): Promise<void> {
    const { number, userId, afterSeconds, unless, origin, retentionSeconds } = publish;
    const before = this.checks.wanted.get(number);
    const wanted = before ?? { publish, isAnswered: false, withdrawnAt: undefined, told: 0 };
    this.checks.wanted.set(number, wanted);
    const body = JSON.stringify({
      ...{ to: { user: userId }, type: 'simulated', id: keyOf(number), escalate: { afterSeconds, unless } },
      ...(origin !== undefined && { excludeDeviceId: origin }),
      ...(retentionSeconds !== undefined && { retentionSeconds }),
    });
    const event = { requestContext: { http: {} }, headers: {}, body };
    for (let attempt = 0; attempt < PUBLISH_TRIES; attempt++) {
      const outcome = await invoke(this, 'notify', event);
      if (outcome.kind === 'returned' && (outcome.value as { statusCode: number }).statusCode === 200) {
        wanted.isAnswered = true;
        return;
      }
      await this.scheduler.sleep(this.random.logarithmic(100, 60_000));
    }
  }

  /** Whoever acknowledges was given everything up to the head, but what it caused, and what was before it began. */
  async #ack(userId: string, deviceId: string): Promise<void> {
    const channel = userChannel(userId);
    await performed(this, async (app) => {
      const head = await app.log.head(channel);
      if (head === undefined || head.seq === 0) return;
      const device = { deviceId, ...(await this.#seenOn(app, userId)) };
      const start = await findStart(app, { ...device, channel }, head);
      if (start === undefined) return;
      await acknowledge(app, device, channel, head);
      this.#settle(userId, ({ unless, origin }, seq) => {
        const isNew = seq > start && seq <= head.seq;
        return unless === 'acked' && origin !== deviceId && isNew;
      });
    });
  }

  async #read(userId: string): Promise<void> {
    await performed(this, async (app) => {
      const head = await app.log.head(userChannel(userId));
      if (head === undefined || head.seq === 0) return;
      await mark(app, userId, { through: head.seq });
      this.#settle(userId, ({ unless }, seq) => unless === 'read' && seq <= head.seq);
    });
  }

  async #withdraw(number: number): Promise<void> {
    const row = this.checks.stored(number);
    const wanted = this.checks.wanted.get(number);
    if (row === undefined || wanted === undefined) return;
    const channel = userChannel(wanted.publish.userId);
    await performed(this, async (app) => {
      if ((await withdraw(app, channel, Number(row.seq))) !== undefined)
        wanted.withdrawnAt ??= this.scheduler.now;
    });
  }

  #settle(userId: string, isAnswer: (publish: Escalated, seq: number) => boolean): void {
    this.checks.answers.push({ userId, at: this.scheduler.now, isAnswer });
  }

  /** A connection that is never ready: devices begin on it, and nobody is online by it. */
  async #seenOn(app: App, userId: string): Promise<ConnectionKey> {
    const expiresAt = this.scheduler.now + 365 * 24 * HOUR;
    const opening = { userId, connectionId: 'never-ready', readyAt: undefined, expiresAt };
    const connection = aConnection({ ...opening, tokenExpiresAt: expiresAt });
    const { connectionId } = connection;
    // Once: a device that begins on it holds its row for as long as its transaction takes.
    if (!this.database.get('connections', { userId, connectionId }, true))
      await app.connections.add(connection, 'r');
    return { userId, connectionId };
  }

  async #openConnection(userId: string, connectionId: string): Promise<void> {
    await performed(this, async (app) => {
      const expiresAt = this.scheduler.now + 365 * 24 * HOUR;
      const opening = { userId, connectionId, readyAt: undefined, expiresAt, tokenExpiresAt: expiresAt };
      const connection = aConnection({ ...opening, connectedAt: this.scheduler.now });
      await app.connections.add(connection, 'r');
      await app.subscriptions.markReady(ownSubscription(connection), app.clock.now());
      this.#connected.add(connectionId);
      this.#open.set(userId, (this.#open.get(userId) ?? 0) + 1);
    });
  }

  async #close(userId: string, connectionId: string): Promise<void> {
    if (!this.#connected.delete(connectionId)) return;
    await performed(this, (app) => app.connections.remove({ userId, connectionId }));
    this.#open.set(userId, (this.#open.get(userId) ?? 0) - 1);
  }

  /** The service's own transaction: there is a row, or there is none. */
  #putRow({ number, userId, fate }: Extract<Act, { kind: 'outbox' }>): void {
    this.#rows.push({ number, fate });
    if (fate === 'cancelled') return;
    const id = keyOf(number);
    const notification = JSON.stringify({ to: { user: userId }, type: fate === 'wrong' ? '' : 'simulated' });
    this.database.write({
      ...{ table: 'outbox', key: { id }, condition: undefined, returnOld: false },
      change: () => ({ id, notification }),
      bindings: { names: {}, values: {} },
    });
  }
}

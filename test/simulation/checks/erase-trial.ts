/**
 * A user is erased at the very end, while their devices speak and Lambdas are slow: nothing of them
 * remains, nothing late comes back, and nobody else loses a row. Their next use begins anew.
 */
import { userPath } from '../../../lambdas/protocol/user-path.ts';
import { keyOf, type TableName } from '../dynamodb/database.ts';
import type { Row } from '../dynamodb/expressions.ts';
import { Probe, type ProbeSpec } from '../world/probe.ts';
import type { World } from '../world/world.ts';
import { passUntilDone } from './stage.ts';

const SECOND = 1000;
/** No other publishes have these numbers. */
const FIRST_NUMBER = 3_000_000;
const ROUNDS = 3;
/** As long as a Lambda may run, and what it was about to write may take to show. */
const LATE_MS = 130 * SECOND;

const USER = 'erik';
const OWN = `user:${USER}`;
const TOPIC = 'erased';
const CHANNEL = `topic:${TOPIC}`;
const PERMISSIONS = { subscribe: ['topic:open-erased'], publish: [] };
const SPECS: ProbeSpec[] = [
  { userId: USER, deviceId: 'phone', ackMode: 'client', permissions: PERMISSIONS },
  { userId: USER, deviceId: 'laptop', ackMode: 'auto', permissions: PERMISSIONS },
  { userId: USER, deviceId: undefined, ackMode: 'auto' },
];

/** A subscription that is left over by a Lambda that failed lapses by itself. */
const TABLES: TableName[] = ['connections', 'devices', 'cursors', 'members', 'messages', 'publishes'];

/** What frames may be under way when the connection is closed. */
const LATE_FRAMES = [
  { action: 'read', through: 1 },
  { action: 'read', seqs: [2] },
  { action: 'sync', after: 0 },
  { action: 'ping' },
  { action: 'subscribe', channel: 'topic:open-erased', after: 0 },
  { action: 'history' },
];

const ROUTE = 'DELETE /users/{userId}';

export class EraseTrial {
  readonly #world: World;
  readonly #pass: (milliseconds: number) => Promise<void>;
  #publishes = FIRST_NUMBER;

  constructor(world: World, pass: (milliseconds: number) => Promise<void>) {
    this.#world = world;
    this.#pass = pass;
  }

  async run(): Promise<void> {
    const { faults, random, database, judge } = this.#world;
    const { temper } = database;
    judge.erased.add(USER);
    for (let round = 0; round < ROUNDS; round++) {
      faults.on = false;
      database.temper = { ...temper, maxVisibilityMs: 3 * SECOND };
      const probes = await this.#beUsed(round);
      faults.on = true;
      faults.only = {
        port: random.pick(['DeviceStore', 'LogStore', 'CursorStore']),
        kinds: ['slow'],
        rate: 0.4,
      };
      await this.#eraseWhileSpeaking(probes);
    }
    faults.on = false;
    database.temper = temper;
  }

  /** Devices connect, hear, acknowledge and read; some have just begun. */
  async #beUsed(round: number): Promise<Probe[]> {
    const { random, operators, settings } = this.#world;
    await this.#done(operators.join(TOPIC, USER));
    // One more comes as the user is erased.
    const specs = SPECS.slice(0, settings.maxConnectionsPerUser - 1);
    const probes = specs.map((spec) => new Probe(this.#world, spec));
    await this.#pass(random.logarithmic(20, 8 * SECOND));
    for (let left = 3; left > 0; left--) await this.#publish(OWN, `erik-${round}-${left}`);
    await this.#publish(CHANNEL, undefined);
    for (const probe of probes) this.#speak(probe);
    await this.#pass(random.logarithmic(20, 8 * SECOND));
    return probes;
  }

  async #eraseWhileSpeaking(probes: Probe[]): Promise<void> {
    const { random, scheduler, judge } = this.#world;
    const others = this.#keysOfOthers();
    probes.push(await this.#opening());
    for (const probe of probes)
      for (let left = 4; left > 0; left--)
        scheduler.after(random.logarithmic(1, 6 * SECOND), () => this.#speak(probe));
    judge.erasing.add(USER);
    await this.#done(this.#erase());
    this.#expectNothing('nothing of an erased user remains');
    await this.#pass(LATE_MS);
    this.#expectNothing('nothing of an erased user comes back');
    judge.erasing.delete(USER);
    const left = this.#keysOfOthers();
    const lost = [...others].find((key) => !left.has(key));
    if (lost !== undefined) this.#violated('erasing touches nobody else', `${lost} is gone`);
  }

  /** A device that nobody knows yet, whose connection the stream has hardly begun to reconcile. */
  async #opening(): Promise<Probe> {
    const { random } = this.#world;
    const spec = { userId: USER, deviceId: `new-${++this.#publishes}`, ackMode: 'client' } as const;
    const probe = new Probe(this.#world, spec);
    for (let looks = 0; looks < 3000 && probe.socket.state === 'opening'; looks++) await this.#pass(10);
    await this.#pass(random.logarithmic(1, 500));
    return probe;
  }

  async #erase(): Promise<void> {
    const { lambdas, scheduler, random } = this.#world;
    const event = { routeKey: ROUTE, headers: {}, pathParameters: { userId: userPath(USER) } };
    for (;;) {
      const outcome = await lambdas.invoke('users', event);
      const { statusCode, body } = (outcome.kind === 'returned' ? outcome.value : {}) as {
        statusCode?: number;
        body?: string;
      };
      if (statusCode === 200 && !JSON.parse(body ?? '').more) return;
      await scheduler.sleep(random.logarithmic(100, 3 * SECOND));
    }
  }

  #expectNothing(guarantee: string): void {
    const rows = TABLES.flatMap((table) => this.#rowsOf(table).map((row) => [table, row]));
    if (rows.length > 0) this.#violated(guarantee, JSON.stringify(rows.slice(0, 3)));
  }

  #rowsOf = (table: TableName): Row[] => this.#world.database.rows(table).filter(isOfUser);

  /** Of those that no time takes away. */
  #keysOfOthers(): ReadonlySet<string> {
    const { database } = this.#world;
    const lasting: TableName[] = ['devices', 'cursors', 'members', 'messages', 'publishes'];
    const isSafe = (row: Row) =>
      !isOfUser(row) &&
      (row.expiresAt === undefined ||
        Number(row.expiresAt) * 1000 > this.#world.scheduler.now + 10 * LATE_MS);
    return new Set(
      lasting.flatMap((table) =>
        database
          .rows(table)
          .filter(isSafe)
          .map((row) => `${table} ${JSON.stringify(keyOf(table, row))}`),
      ),
    );
  }

  #speak(probe: Probe): void {
    if (probe.socket.state !== 'open') return;
    // A client acknowledges what it has heard, up to the first that it has not.
    let seq = 0;
    while (probe.has(OWN, seq + 1)) seq += 1;
    const { random } = this.#world;
    probe.say(seq > 0 && random.chance(0.5) ? { action: 'ack', seq } : random.pick(LATE_FRAMES));
  }

  async #publish(channel: string, key: string | undefined): Promise<void> {
    const publish = {
      number: ++this.#publishes,
      door: 'http' as const,
      key,
      channels: [channel],
      origin: undefined,
      retentionSeconds: undefined,
      bytes: 10,
    };
    await this.#done(this.#world.publishers.publish(publish));
  }

  #done(work: Promise<void>): Promise<void> {
    return passUntilDone(this.#world, this.#pass, work);
  }

  #violated(guarantee: string, detail: string): void {
    this.#world.judge.violated(guarantee, detail);
  }
}

const isOfUser = ({ userId, channel }: Row): boolean => userId === USER || channel === OWN;

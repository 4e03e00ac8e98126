/** What must be true when the faults are over: everybody caught up, nothing left over, and from then on everything prompt. */
import type { Row } from '../dynamodb/expressions.ts';
import type { Device } from '../world/device.ts';
import { PING_MS } from '../world/device.ts';
import type { World } from '../world/world.ts';

const MINUTE = 60_000;
const DAY_MS = 24 * 60 * MINUTE;
/** A handshake, the stream, a replay and what is tried again within. */
const PROMPT_MS = 45_000;
const ROUNDS = 4;
const FINAL_PUBLISH = 1_000_000;

export class Rest {
  readonly #world: World;
  readonly #until: (instant: number) => Promise<void>;
  #publishes = FINAL_PUBLISH;

  constructor(world: World, until: (instant: number) => Promise<void>) {
    this.#world = world;
    this.#until = until;
  }

  async run(): Promise<void> {
    await this.#comeToRest();
    await this.#pass(2 * PING_MS + MINUTE);
    this.#checkCaughtUp('two ping periods after the last fault');
    this.#checkAnswers();
    this.#world.clientsPing = false;
    for (let round = 0; round < ROUNDS; round++) await this.#round('without a fault and without asking');
    await this.#roughRounds();
    await this.#lastWord();
  }

  /** Faults stop, operators send dead letters again, clients come online. */
  async #comeToRest(): Promise<void> {
    const { faults, stream, publishers, devices, failed } = this.#world;
    faults.on = false;
    await this.#pass(16 * MINUTE);
    for (let rounds = 0; rounds < 10; rounds++) {
      const redriven = stream.redrive() + publishers.deadLetters.length;
      publishers.redrive().catch(failed);
      await this.#pass(5 * MINUTE);
      if (redriven === 0 && stream.idle) break;
    }
    this.#checkReady();
    for (const device of devices) {
      // Tokens last from now on.
      if (device.socket && device.spec.tokenLifeMs < DAY_MS) device.goOffline(false);
      device.goOnline();
    }
    await this.#pass(2 * MINUTE);
  }

  /** Races, but no faults: whoever is connected has everything soon, without asking. */
  async #round(when: string): Promise<void> {
    const { devices, random, scheduler } = this.#world;
    const before = this.#spent();
    for (const device of devices) {
      if (random.chance(0.5)) {
        scheduler.after(random.logarithmic(1, 1500), () => device.goOffline(false));
        scheduler.after(random.logarithmic(1500, 4000), () => device.goOnline());
      }
    }
    const publishes = random.integer(1, 8);
    for (let count = publishes; count > 0; count--) {
      scheduler.after(random.logarithmic(100, 6000), () => this.#publish());
    }
    await this.#passPrompt();
    this.#checkCost(before, 30 * devices.length + 12 * publishes * devices.length + 16 * publishes);
    this.#checkCaughtUp(when);
  }

  /** Posts fail now and then; what became of them is known, so the server itself makes it good. */
  async #roughRounds(): Promise<void> {
    const { faults } = this.#world;
    faults.on = true;
    faults.only = { kinds: ['throttle', 'error before', 'error after'], rate: 0.1, port: 'Gateway' };
    for (let round = 0; round < ROUNDS; round++) await this.#round('while posts fail, without asking');
    faults.on = false;
  }

  async #lastWord(): Promise<void> {
    const { plan } = this.#world;
    await this.#pass(2 * MINUTE);
    for (const userId of new Set(plan.devices.map((device) => device.userId))) this.#publish(userId);
    await this.#passPrompt();
    this.#checkCaughtUp('at the end');
    await this.#quiet();
    this.#checkRows();
    this.#world.judge.ledger.checkDense();
    this.#checkAnswers();
  }

  /** Nobody publishes: clients ping, and connect again where the gateway closed an idle connection. That is all. */
  async #quiet(): Promise<void> {
    const { devices } = this.#world;
    this.#world.clientsPing = true;
    const before = this.#spent();
    await this.#pass(2 * PING_MS);
    this.#checkCost(before, 30 * devices.length);
  }

  #spent() {
    const { lambdas, sockets, judge } = this.#world;
    return { invocations: lambdas.invocations, posts: sockets.posts, writes: judge.writes };
  }

  /** Work is bounded by what there is to do, whatever the length of the log. */
  #checkCost(before: Spent, limit: number): void {
    const now = this.#spent();
    for (const what of ['invocations', 'posts', 'writes'] as const) {
      const spent = now[what] - before[what];
      if (spent <= limit) continue;
      this.#world.judge.violated(
        'work per message is bounded',
        `${spent} ${what}, expected at most ${limit}`,
      );
    }
  }

  #publish(userId?: string): void {
    const { publishers, plan, random, failed } = this.#world;
    const number = ++this.#publishes;
    const { userId: user, deviceId } = random.pick(plan.devices);
    const origin = userId === undefined && random.chance(0.2) ? deviceId : undefined;
    publishers
      .publish({
        number,
        door: 'http',
        key: random.chance(0.5) ? `final-${number}` : undefined,
        users: [userId ?? user],
        origin,
        retentionSeconds: undefined,
        bytes: 10,
      })
      .catch(failed);
  }

  async #pass(milliseconds: number): Promise<void> {
    await this.#until(this.#world.scheduler.now + milliseconds);
  }

  /** As long again when the limit of two hours has closed a connection just now: its device needs time to come back. */
  async #passPrompt(): Promise<void> {
    await this.#pass(PROMPT_MS);
    const { devices } = this.#world;
    if (devices.some(({ wanted, socket }) => wanted && !socket)) await this.#pass(PROMPT_MS);
  }

  /** A device that caused the newest messages may not have been told that it passed them. */
  #checkCaughtUp(when: string): void {
    const { judge, devices } = this.#world;
    for (const device of devices) {
      const { userId, deviceId } = device.spec;
      const channel = `user:${userId}`;
      const { head, epoch } = judge.ledger.channel(channel);
      if (!device.wanted) continue;
      const missing = this.#missing(device, channel, head);
      if (
        device.position &&
        device.position.epoch === (epoch ?? device.position.epoch) &&
        missing === undefined
      )
        continue;
      const stands = device.position
        ? `stands at ${device.position.seq} of ${head}, lacks ${missing}`
        : 'is not connected';
      judge.violated(
        `every device catches up ${when}`,
        `${userId}/${deviceId} (${device.socket?.id}) ${stands}`,
      );
    }
  }

  #missing({ position, spec }: Device, channel: string, head: number): number | undefined {
    const { ledger } = this.#world.judge;
    for (let seq = (position?.seq ?? 0) + 1; seq <= head; seq++) {
      if (!ledger.isSettledFor(channel, seq, spec.deviceId)) return seq;
    }
    return undefined;
  }

  /** The stream has driven every connection that stayed: nobody had to reconnect for it. */
  #checkReady(): void {
    const { judge, sockets, database } = this.#world;
    const rows = new Map(database.rows('connections').map((row) => [String(row.connectionId), row]));
    for (const socket of sockets.all.values()) {
      if (socket.state !== 'open') continue;
      const row = rows.get(socket.id);
      if (row?.readyAt !== undefined && row.bye === undefined) continue;
      const state = row ? JSON.stringify({ readyAt: row.readyAt, bye: row.bye }) : 'no row';
      judge.violated(
        'an open socket is ready or closed in the end',
        `${socket.id} (${socket.userId}/${socket.deviceId}): ${state}`,
      );
    }
  }

  #checkRows(): void {
    const { judge, sockets, database, scheduler } = this.#world;
    const hasLapsed = ({ expiresAt }: Row) => Number(expiresAt) * 1000 <= scheduler.now;
    const rows = database.rows('connections').filter((row) => !hasLapsed(row));
    const ids = new Set(rows.map(({ connectionId }) => String(connectionId)));
    for (const socket of sockets.all.values()) {
      if (socket.state === 'open' && !ids.has(socket.id)) {
        judge.violated(
          'an open socket has one row',
          `${socket.id} (${socket.userId}/${socket.deviceId}) has none`,
        );
      }
    }
    for (const row of rows) {
      if (sockets.all.get(String(row.connectionId))?.state === 'open') continue;
      judge.violated(
        'rows of closed sockets go',
        `${row.connectionId} (${row.userId}/${row.deviceId}) is still there`,
      );
    }
  }

  #checkAnswers(): void {
    const { judge, publishers } = this.#world;
    for (const { channel, seq, publish } of publishers.answers) {
      if (judge.ledger.entry(channel, seq)?.publish === publish.number) continue;
      judge.violated('what was answered is stored', `${channel}: publish ${publish.number}, seq ${seq}`);
    }
  }
}

type Spent = Record<'invocations' | 'posts' | 'writes', number>;

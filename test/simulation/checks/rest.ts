/** What must be true when the faults are over: everybody caught up, nothing left over, and from then on everything prompt. */
import { TOPICS } from '../plan.ts';
import { PING_MS } from '../world/device.ts';
import type { World } from '../world/world.ts';
import { EraseTrial } from './erase-trial.ts';
import { ReadingRounds } from './reading-rounds.ts';
import type { Stage } from './stage.ts';
import { Standing } from './standing.ts';
import { TopicTrials } from './topic-trials.ts';
import { Trials } from './trials.ts';
import { WithdrawingRounds } from './withdrawing-rounds.ts';

const MINUTE = 60_000;
const DAY_MS = 24 * 60 * MINUTE;
/** A handshake, the stream, a replay and what is tried again within. */
const PROMPT_MS = 45_000;
const ROUNDS = 4;
const FINAL_PUBLISH = 1_000_000;

export class Rest {
  readonly #world: World;
  readonly #until: (instant: number) => Promise<void>;
  readonly #standing: Standing;
  #publishes = FINAL_PUBLISH;

  constructor(world: World, until: (instant: number) => Promise<void>) {
    this.#world = world;
    this.#until = until;
    this.#standing = new Standing(world);
  }

  async run(): Promise<void> {
    await this.#comeToRest();
    await this.#pass(2 * PING_MS + MINUTE);
    await this.#passReconnects();
    this.#standing.checkCaughtUp('two ping periods after the last fault');
    this.#standing.checkAnswers();
    this.#world.clientsPing = false;
    this.#world.anonymousAsk = false;
    for (let round = 0; round < ROUNDS; round++) await this.#round('without a fault and without asking');
    await this.#ledRounds();
    await this.#roughRounds();
    await new ReadingRounds(this.#world, this.#stage).run();
    await new WithdrawingRounds(this.#world, this.#standing, this.#stage).run();
    this.#world.anonymousAsk = true;
    await this.#lastWord();
    await this.#trials();
  }

  /** Faults stop, operators send dead letters again, clients come online. */
  async #comeToRest(): Promise<void> {
    const { faults, streams, retries, fanOuts, publishers, devices, failed } = this.#world;
    const sources = [...streams, retries, fanOuts];
    faults.on = false;
    await this.#pass(16 * MINUTE);
    for (let rounds = 0; rounds < 10; rounds++) {
      const letters = sources.map((source) => source.redrive()).reduce((sum, count) => sum + count);
      const redriven = letters + publishers.deadLetters.length;
      publishers.redrive().catch(failed);
      await this.#pass(5 * MINUTE);
      if (redriven === 0 && sources.every(({ idle }) => idle)) break;
    }
    this.#standing.checkReady();
    for (const device of devices) {
      // Tokens last from now on.
      if (device.socket && device.spec.tokenLifeMs < DAY_MS) device.goOffline(false);
      device.goOnline();
    }
    await this.#pass(2 * MINUTE);
  }

  /** Races, but no faults: whoever is connected has everything soon, without asking. */
  async #round(when: string): Promise<void> {
    const { devices, random, scheduler, plan } = this.#world;
    const { situation } = plan;
    const before = this.#spent();
    for (const device of devices) {
      if (random.chance(0.5)) {
        scheduler.after(random.logarithmic(1, 1500), () => device.goOffline(false));
        scheduler.after(random.logarithmic(1500, 4000), () => device.goOnline());
      }
    }
    const publishes = random.integer(1, 8);
    const [first, last] = situation === 'refusals' ? [100, 400] : [100, 6000];
    for (let count = publishes; count > 0; count--) {
      scheduler.after(random.logarithmic(first, last), () => this.#publish());
    }
    await this.#passPrompt();
    const connects = this.#connectsCost(devices.length);
    this.#checkCost(before, connects + 12 * publishes * devices.length + 16 * publishes);
    this.#standing.checkCaughtUp(when);
    this.#standing.checkCursors();
  }

  /** What the run was led to, once more without a fault. */
  async #ledRounds(): Promise<void> {
    const { situation, devices } = this.#world.plan;
    const auto = devices.findIndex(({ ackMode, deviceId }) => ackMode === 'auto' && deviceId !== undefined);
    if (situation === 'short deadlines') await this.#afterAbsence(auto);
    if (situation === 'burst') await this.#pairs(auto);
  }

  /** A device comes back to more than one window, and one invocation has no time for all of it. */
  async #afterAbsence(index: number): Promise<void> {
    const device = this.#world.devices[index];
    device?.goOffline(false);
    await this.#pass(1000);
    for (let count = 40; count > 0; count--) {
      this.#publish(`user:${device?.spec.userId}`, 17_000);
      await this.#pass(200);
    }
    device?.goOnline();
    await this.#passPrompt();
    this.#standing.checkCaughtUp('after an absence, without asking');
  }

  /** Of two messages at once the later may arrive first: the cursor waits for the earlier, and nobody has to send them again. */
  async #pairs(index: number): Promise<void> {
    const { devices, judge, random, database } = this.#world;
    const channel = `user:${devices[index]?.spec.userId}`;
    const { temper } = database;
    this.#world.isQuick = true;
    database.temper = { ...temper, maxVisibilityMs: 5 };
    // The first takes the cursor over what the device caused itself.
    this.#publish(channel);
    await this.#pass(10_000);
    const before = judge.requests;
    for (let pair = 0; pair < 8; pair++) {
      this.#publish(channel);
      await this.#pass(random.integer(0, 20));
      this.#publish(channel);
      await this.#pass(3000);
    }
    const requests = judge.requests - before;
    if (requests > 0) judge.violated('what was taken live is not sent again', `${requests} replays`);
    this.#world.isQuick = false;
    database.temper = temper;
    this.#standing.checkCursors();
  }

  /** Posts fail now and then; what became of them is known, so the server itself makes it good. */
  async #roughRounds(): Promise<void> {
    const { faults, plan } = this.#world;
    faults.on = true;
    const rate = plan.situation === 'refusals' ? 0.25 : 0.1;
    faults.only = { kinds: ['throttle', 'error before', 'error after'], rate, port: 'Gateway' };
    for (let round = 0; round < ROUNDS; round++) await this.#round('while posts fail, without asking');
    faults.on = false;
  }

  async #lastWord(): Promise<void> {
    const { plan } = this.#world;
    await this.#pass(2 * MINUTE);
    const users = new Set(plan.devices.map(({ userId }) => `user:${userId}`));
    for (const channel of [...users, ...this.#shared()]) this.#publish(channel);
    await this.#passPrompt();
    this.#standing.checkCaughtUp('at the end');
    await this.#quiet();
    this.#standing.checkAcks();
    this.#standing.checkRows();
    this.#standing.checkSubscriptions();
    this.#world.judge.ledger.checkDense();
    this.#world.judge.cursors.checkFurthest();
    this.#standing.checkAnswers();
  }

  async #trials(): Promise<void> {
    await new Trials(this.#world, this.#standing, this.#stage).run();
    await new TopicTrials(this.#world, this.#stage.pass).run();
    await new EraseTrial(this.#world, this.#stage.pass).run();
  }

  /** What the stages in files of their own need of this. */
  get #stage(): Stage {
    return {
      pass: (milliseconds: number) => this.#pass(milliseconds),
      passPrompt: () => this.#passPrompt(),
      passReconnects: () => this.#passReconnects(),
      publish: (userId: string, bytes?: number) => this.#publish(`user:${userId}`, bytes),
      publishTo: (channel: string) => this.#publish(channel),
    };
  }

  /** Nobody publishes: clients ping, and connect again where the gateway closed an idle connection. That is all. */
  async #quiet(): Promise<void> {
    const { devices } = this.#world;
    this.#world.clientsPing = true;
    const before = this.#spent();
    await this.#pass(2 * PING_MS);
    this.#checkCost(before, this.#connectsCost(devices.length));
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

  /** The channels of many. */
  #shared(): string[] {
    const { everyone } = this.#world.settings;
    return [...(everyone ? ['everyone'] : []), ...TOPICS.map((topic) => `topic:${topic}`)];
  }

  /** What it takes that each device connects again, and more for each channel that it hears then. */
  #connectsCost(devices: number): number {
    return (36 + 10 * this.#shared().length) * devices;
  }

  #publish(channel?: string, bytes = 10): void {
    const { publishers, plan, random, failed } = this.#world;
    const number = ++this.#publishes;
    const { userId, deviceId } = random.pick(plan.devices);
    const isShared = channel === undefined && random.chance(0.5);
    const to = channel ?? (isShared ? random.pick(this.#shared()) : `user:${userId}`);
    const isCaused = channel === undefined && random.chance(0.2);
    const origin = { userId: isShared ? userId : undefined, deviceId };
    publishers
      .publish({
        number,
        door: 'http',
        key: random.chance(0.5) ? `final-${number}` : undefined,
        channels: [to],
        origin: isCaused ? origin : undefined,
        retentionSeconds: undefined,
        bytes,
      })
      .catch(failed);
  }

  async #pass(milliseconds: number): Promise<void> {
    await this.#until(this.#world.scheduler.now + milliseconds);
  }

  async #passPrompt(): Promise<void> {
    await this.#pass(PROMPT_MS);
    await this.#passReconnects();
  }

  /** When the limit of two hours has closed a connection just now, its device needs time to come back. */
  async #passReconnects(): Promise<void> {
    const { devices } = this.#world;
    if (devices.some(({ wanted, socket }) => wanted && !socket)) await this.#pass(PROMPT_MS);
  }
}

type Spent = Record<'invocations' | 'posts' | 'writes', number>;

/**
 * What some connections are put to at the very end, when everything else has been checked: each trial leads to a place where
 * chance hardly comes, and where only time tells whether the server does what it should.
 */
import type { Device } from '../world/device.ts';
import type { World } from '../world/world.ts';
import type { Stage } from './stage.ts';
import type { Standing } from './standing.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** Less than the lease of a replay lasts: nobody waits for it to lapse. */
const SOON_MS = 25 * SECOND;
/** One message, one frame. */
const BULKY = 17_000;
/** Longer than a device is remembered, and than its row stays that has lapsed. */
const FORGOTTEN_MS = 93 * 24 * 60 * MINUTE;

export class Trials {
  readonly #world: World;
  readonly #standing: Standing;
  readonly #stage: Stage;

  constructor(world: World, standing: Standing, stage: Stage) {
    this.#world = world;
    this.#standing = standing;
    this.#stage = stage;
  }

  /** One of those that there are devices for. */
  async run(): Promise<void> {
    const { random, devices, plan } = this.#world;
    const wanted = devices.filter((device) => device.wanted);
    const model = random.shuffle(wanted.filter(({ spec }) => spec.program === 'model'));
    const anonymous = model.find(({ spec }) => spec.deviceId === undefined);
    const auto = model.find(({ spec }) => spec.ackMode === 'auto' && spec.deviceId !== undefined);
    const [first] = model;
    const trials = [() => this.#repeated(wanted), () => this.#forgotten(wanted)];
    if (first) trials.push(() => this.#neverReads(first));
    if (anonymous) trials.push(() => this.#refusedTwice(anonymous));
    // Where a replay is cut short again and again, it takes longer.
    if (auto && plan.situation !== 'short deadlines') trials.push(() => this.#askedTwice(auto));
    this.#world.clientsPing = false;
    this.#world.anonymousAsk = false;
    await random.pick(trials)();
    await this.#stage.pass(MINUTE);
    await this.#stage.passReconnects();
    this.#standing.checkCaughtUp('after its trial');
    this.#standing.checkCursors();
    this.#standing.checkRows();
  }

  /** Every second call to the table of connections is sent twice, since its answer was lost: what it wrote is its own. */
  async #repeated(wanted: Device[]): Promise<void> {
    const { faults } = this.#world;
    for (const device of wanted) device.goOffline(false);
    await this.#stage.pass(5 * SECOND);
    for (const { spec } of wanted) this.#stage.publish(spec.userId);
    await this.#stage.pass(10 * SECOND);
    faults.on = true;
    faults.only = { port: 'ConnectionStore', kinds: ['repeated'], rate: 0.5 };
    for (const device of wanted) device.goOnline();
    await this.#stage.pass(SOON_MS);
    faults.on = false;
    this.#standing.checkCaughtUp('soon, though writes are repeated');
  }

  /** Nobody comes for three months. Then some rows of forgotten devices are still there, though what was kept of the furthest is not. */
  async #forgotten(wanted: Device[]): Promise<void> {
    const { database } = this.#world;
    database.temper = { ...database.temper, ttl: 'mixed' };
    for (const { spec } of wanted) this.#stage.publish(spec.userId);
    await this.#stage.pass(MINUTE);
    for (const device of wanted) device.goOffline(false);
    await this.#stage.pass(FORGOTTEN_MS);
    for (const device of wanted) device.goOnline();
    await this.#stage.pass(MINUTE);
  }

  /** A connection that takes no frames any more is closed, and its device comes back. */
  async #neverReads({ spec, socket }: Device): Promise<void> {
    if (socket) socket.fullUntil = this.#world.scheduler.now + 10 * MINUTE;
    this.#stage.publish(spec.userId);
    await this.#stage.pass(3 * MINUTE);
    await this.#stage.passReconnects();
    this.#standing.checkCaughtUp('though its connection took no frames');
  }

  /**
   * An anonymous device is refused more than a window, twice in a row, while the stream is late: both replays ask to go on, from
   * seqs of their own, and one batch brings both requests.
   */
  async #refusedTwice(device: Device): Promise<void> {
    const { faults, scheduler } = this.#world;
    faults.on = true;
    faults.only = { port: 'Stream', kinds: ['late'], rate: 1 };
    for (let times = 0; times < 2; times++) {
      if (device.socket) device.socket.fullUntil = scheduler.now + 3 * SECOND;
      await this.#publishes(device, 20);
      await this.#stage.pass(7 * SECOND);
    }
    faults.on = false;
    await this.#stage.pass(2 * MINUTE);
    await this.#stage.passReconnects();
    this.#standing.checkCaughtUp('though it was refused twice, without asking');
  }

  /** A device comes back to more than a window, and asks for it while the server sends it already. */
  async #askedTwice(device: Device): Promise<void> {
    device.goOffline(false);
    await this.#stage.pass(5 * SECOND);
    await this.#publishes(device, 36);
    await this.#stage.pass(10 * SECOND);
    device.goOnline();
    for (let looks = 0; looks < 1000 && !device.position; looks++) await this.#stage.pass(10);
    device.sendRaw('{"action":"sync"}');
    await this.#stage.pass(SOON_MS);
    this.#standing.checkCaughtUp('soon, though it asked for what was on its way');
  }

  async #publishes({ spec }: Device, count: number): Promise<void> {
    for (let left = count; left > 0; left--) {
      this.#stage.publish(spec.userId, BULKY);
      await this.#stage.pass(40);
    }
  }
}

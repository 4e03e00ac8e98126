/**
 * Clients of STOMP, in a world of their own beside that of the others: its course is drawn from the same seed, and leaves theirs as
 * it is. First through faults, then without any, then through what only the lease of the pump is for.
 */
import type { Violation } from './checks/judge.ts';
import type { Plan } from './plan.ts';
import { Random } from './random.ts';
import type { Publish } from './world/publishers.ts';
import { StompDevice, type StompDeviceSpec } from './world/stomp-device.ts';
import { type Options, World } from './world/world.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const MAX_STEPS = 1_000_000;
/** One message, one text. */
const BULKY = 17_000;
const USER = 'erin';
/** A handshake, the stream, and what is tried again within. */
const PROMPT_MS = 45 * SECOND;
/** Less than the lease of a pump lasts: nobody waits for it to lapse. */
const SOON_MS = 18 * SECOND;
const FIRST_NUMBER = 3_000_000;

export class StompCourse {
  readonly world: World;
  readonly #random: Random;
  readonly #devices: StompDevice[];
  #publishes = FIRST_NUMBER;

  constructor(seed: number, plan: Plan, options: Options) {
    const alone = { devices: [], operations: [], situation: undefined, maxConnectionsPerUser: 50 };
    this.world = new World(seed, { ...plan, ...alone }, options);
    this.#random = new Random(seed, 'stomp');
    const version = this.#random.pick(['1.1', '1.2'] as const);
    const acks: StompDeviceSpec['ack'][] = ['auto', this.#random.pick(['client', 'client-individual'])];
    this.#devices = acks.map(
      (ack) => new StompDevice(this.world, { userId: USER, deviceId: `page-${ack}`, ack, version }),
    );
    // Two tabs of one device share its cursor.
    const [{ spec, progress } = {}] = this.#devices;
    if (spec && this.#random.chance(0.3)) this.#devices.push(new StompDevice(this.world, spec, progress));
  }

  /** Resolves with the first violation, if there is one. */
  async run(): Promise<Violation | undefined> {
    try {
      await this.#throughFaults();
      await this.#comeToRest();
      await this.#rounds();
      await this.#random.pick([() => this.#slowPosts(), () => this.#death(), () => this.#refusals()])();
    } catch (error) {
      if (!(error instanceof Stopped)) this.world.judge.violated('the world comes to rest', String(error));
    }
    return this.world.judge.violation;
  }

  async #throughFaults(): Promise<void> {
    this.#publish();
    for (let acts = this.#random.integer(8, 20); acts > 0; acts--) {
      const device = this.#random.pick(this.#devices);
      const drawn = this.#random.next();
      if (drawn < 0.55) this.#burst(this.#random.integer(1, 6));
      else if (drawn < 0.85) device.goOnline();
      else device.goOffline(this.#random.chance(0.4));
      await this.#pass(this.#random.logarithmic(20, MINUTE));
    }
  }

  /** Whatever happened, everybody has everything once the faults are over and a heart-beat has come. */
  async #comeToRest(): Promise<void> {
    const { faults, streams, retries, publishers, failed } = this.world;
    faults.on = false;
    for (const device of this.#devices) device.goOnline();
    for (let rounds = 0; rounds < 6; rounds++) {
      await this.#pass(5 * MINUTE);
      for (const source of [...streams, retries]) source.redrive();
      publishers.redrive().catch(failed);
    }
    // A device that is new began at the head.
    this.#publish();
    await this.#pass(7 * MINUTE);
    this.#checkCaughtUp('after the faults and a heart-beat');
  }

  /** Races, but no faults: everything comes soon, and nobody has to say that something is missing. */
  async #rounds(): Promise<void> {
    for (const device of this.#devices) device.beats = false;
    for (let round = 0; round < 4; round++) {
      for (let bursts = this.#random.integer(1, 5); bursts > 0; bursts--) {
        this.#burst(this.#random.integer(1, 6));
        await this.#pass(this.#random.logarithmic(5, 2 * SECOND));
      }
      await this.#pass(SOON_MS);
      if (this.#devices.some(({ isSettled }) => !isSettled)) await this.#prompt();
      this.#checkCaughtUp('soon, without a fault');
    }
  }

  /** Each post takes seconds, though no longer than it may: the pump goes on with its lease, and loses no client. */
  async #slowPosts(): Promise<void> {
    const { faults } = this.world;
    const [device] = this.#devices;
    if (!device) return;
    device.goOffline(false);
    await this.#pass(10 * SECOND);
    await this.#publishApart(24, BULKY);
    const before = device.errors.length;
    faults.on = true;
    faults.only = { port: 'Gateway', kinds: ['slow'], rate: 1 };
    this.world.slowestMs = 5 * SECOND;
    device.goOnline();
    // There is always something new when the pump comes to its end.
    for (let left = 40; left > 0; left--) {
      await this.#pass(this.#random.logarithmic(500, 4 * SECOND));
      this.#publish();
    }
    await this.#pass(2 * MINUTE);
    faults.on = false;
    await this.#prompt();
    this.#checkCaughtUp('though posts are slow');
    if (device.errors.length > before)
      this.world.judge.violated(
        'a STOMP client that reads is not closed',
        device.errors.slice(before).join(),
      );
  }

  /** Whoever sends dies, again and again, before a post or after it, before its progress is written or after. */
  async #death(): Promise<void> {
    const { faults } = this.world;
    for (const port of ['Gateway', 'ConnectionStore'] as const) {
      faults.on = true;
      faults.only = { port, kinds: ['crash before', 'crash after'], rate: 0.15 };
      for (let bursts = 6; bursts > 0; bursts--) {
        this.#burst(this.#random.integer(1, 3));
        await this.#pass(this.#random.logarithmic(100, 30 * SECOND));
      }
      faults.on = false;
      // For the lease of the dead, and for a socket that was not closed: that is tried again after a quarter of its age.
      this.#publish();
      await this.#pass(16 * MINUTE);
      await this.#prompt();
      this.#checkCaughtUp('though its senders died');
    }
  }

  /** Posts are refused, or fail though they have arrived. */
  async #refusals(): Promise<void> {
    const { faults } = this.world;
    faults.on = true;
    faults.only = { port: 'Gateway', kinds: ['throttle', 'error after', 'error before'], rate: 0.3 };
    for (let bursts = 8; bursts > 0; bursts--) {
      this.#burst(this.#random.integer(1, 5));
      await this.#pass(this.#random.logarithmic(100, 20 * SECOND));
    }
    faults.on = false;
    // A socket that was not closed is tried again after a quarter of its age.
    await this.#pass(16 * MINUTE);
    await this.#prompt();
    this.#checkCaughtUp('though posts were refused');
  }

  async #prompt(): Promise<void> {
    await this.#pass(PROMPT_MS);
    // The limit of two hours, or the last fault, has closed a connection just now.
    if (this.#devices.some(({ isSettled }) => !isSettled)) await this.#pass(2 * MINUTE);
  }

  #checkCaughtUp(when: string): void {
    for (const device of this.#devices) {
      if (device.isCaughtUp) continue;
      const { head } = this.world.judge.ledger.channel(device.channel);
      this.world.judge.violated(
        `a STOMP device catches up ${when}`,
        `${device.spec.deviceId} (${device.spec.ack}) has come to ${device.last ?? device.progress.through}, the head is ${head}`,
      );
    }
  }

  #burst(count: number): void {
    for (let left = count; left > 0; left--)
      this.world.scheduler.after(this.#random.logarithmic(1, 300), () => this.#publish());
  }

  async #publishApart(count: number, bytes: number): Promise<void> {
    for (let left = count; left > 0; left--) {
      this.#publish(bytes);
      await this.#pass(300);
    }
  }

  #publish(bytes = this.#random.chance(0.1) ? BULKY : 10): void {
    const number = ++this.#publishes;
    const publish: Publish = {
      number,
      door: 'http',
      key: `stomp-${number}`,
      channels: [`user:${USER}`],
      origin: undefined,
      retentionSeconds: undefined,
      bytes,
    };
    this.world.publishers.publish(publish).catch(this.world.failed);
  }

  async #pass(milliseconds: number): Promise<void> {
    const { scheduler, judge } = this.world;
    await scheduler.runUntil(scheduler.now + milliseconds, MAX_STEPS, () => judge.violation !== undefined);
    if (judge.violation) throw new Stopped();
  }
}

class Stopped extends Error {}

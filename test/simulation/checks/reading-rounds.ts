/**
 * People read at the end of a run, when the faults are over: what one device marks, every device knows
 * soon, however they come and go meanwhile, and whatever their connections refuse for a while.
 */
import type { World } from '../world/world.ts';
import type { Stage } from './stage.ts';

const ROUNDS = 3;
/** Of the topics, the one that few tokens allow. */
const MEMBERS_ONLY = 'secret';
const SECOND = 1000;
const MINUTE = 60 * SECOND;

export class ReadingRounds {
  readonly #world: World;
  readonly #stage: Stage;

  constructor(world: World, stage: Stage) {
    this.#world = world;
    this.#stage = stage;
  }

  async run(): Promise<void> {
    if (!this.#world.plan.areReading) return;
    this.check('two ping periods after the last fault');
    for (let round = 0; round < ROUNDS; round++) {
      this.#begin();
      await this.#stage.passPrompt();
      this.check('without a fault');
    }
    await this.#refused();
    await this.#twice();
    await this.#membersOnly();
  }

  check(when: string): void {
    const { judge, sockets } = this.#world;
    judge.reads.checkAllTold(sockets.all.values(), when);
  }

  /** What a topic held before a user joined is not shown to the user, nor anything of it to who is no member. */
  async #membersOnly(): Promise<void> {
    const { operators, readers, devices, random, failed } = this.#world;
    const models = [...devices.keys()].filter((index) => devices[index]?.spec.program === 'model');
    if (models.length === 0) return;
    const device = random.pick(models);
    const userId = devices[device]?.spec.userId ?? '';
    const look = (): void => {
      readers.look(device, `topic:${MEMBERS_ONLY}`).catch(failed);
    };
    operators.leave(MEMBERS_ONLY, userId).catch(failed);
    await this.#stage.pass(10 * SECOND);
    this.#stage.publishTo(`topic:${MEMBERS_ONLY}`);
    await this.#stage.pass(10 * SECOND);
    look();
    await this.#stage.pass(10 * SECOND);
    operators.join(MEMBERS_ONLY, userId).catch(failed);
    await this.#stage.pass(10 * SECOND);
    this.#stage.publishTo(`topic:${MEMBERS_ONLY}`);
    look();
    await this.#stage.passPrompt();
  }

  /** Devices come and go while several of a user mark. */
  #begin(): void {
    const { devices, random, scheduler } = this.#world;
    for (const [index, device] of devices.entries()) {
      const { userId } = device.spec;
      if (random.chance(0.5)) scheduler.after(random.logarithmic(1, 3000), () => this.#stage.publish(userId));
      if (random.chance(0.4)) {
        scheduler.after(random.logarithmic(1, 1500), () => device.goOffline(false));
        scheduler.after(random.logarithmic(1500, 4000), () => device.goOnline());
      }
      for (let marks = random.integer(0, 3); marks > 0; marks--) this.#markSoon(index);
    }
  }

  #markSoon(index: number): void {
    const { random, scheduler, readers, devices, failed } = this.#world;
    const { userId } = devices[index]?.spec ?? { userId: '' };
    scheduler.after(random.logarithmic(100, 5000), () => {
      if (random.chance(0.7)) readers.mark(index);
      else if (random.chance(0.5)) readers.markOverHttp(userId).catch(failed);
      else readers.look(index, undefined).catch(failed);
    });
  }

  /** Connections that refuse frames are told once they take them again. */
  async #refused(): Promise<void> {
    const { faults } = this.#world;
    faults.on = true;
    faults.only = { port: 'Gateway', kinds: ['throttle', 'error before'], rate: 0.7 };
    this.#begin();
    await this.#stage.pass(6 * SECOND);
    faults.on = false;
    faults.only = undefined;
    await this.#stage.pass(2 * MINUTE);
    await this.#stage.passPrompt();
    this.check('though connections refused it for a while');
  }

  /** A write whose answer is lost is sent again, and then finds its own. */
  async #twice(): Promise<void> {
    const { faults } = this.#world;
    faults.on = true;
    faults.only = { port: 'DeviceStore', kinds: ['repeated'], rate: 0.5 };
    this.#begin();
    await this.#stage.pass(6 * SECOND);
    faults.on = false;
    faults.only = undefined;
    await this.#stage.passPrompt();
    this.check('though what was written was sent twice');
  }
}

/**
 * Services take messages back at the end of a run, when the faults are over: every device is told of
 * it without asking, whether it is there or comes back.
 */
import type { World } from '../world/world.ts';
import type { Stage } from './stage.ts';
import type { Standing } from './standing.ts';

const ROUNDS = 2;
const SECOND = 1000;

export class WithdrawingRounds {
  readonly #world: World;
  readonly #standing: Standing;
  readonly #stage: Stage;

  constructor(world: World, standing: Standing, stage: Stage) {
    this.#world = world;
    this.#standing = standing;
    this.#stage = stage;
  }

  async run(): Promise<void> {
    if (!this.#world.plan.areWithdrawing) return;
    for (let round = 0; round < ROUNDS; round++) {
      await this.#round();
      this.#standing.checkCaughtUp('after withdrawals, without asking');
      this.#standing.checkCursors();
    }
  }

  /** One of two messages is taken back, by two services at once. */
  async #round(): Promise<void> {
    const { devices, random, scheduler, plan } = this.#world;
    const users = [...new Set(plan.devices.map(({ userId }) => userId))];
    for (const userId of [...users, ...users]) this.#stage.publish(userId);
    await this.#stage.pass(10 * SECOND);
    for (const device of devices) {
      if (random.chance(0.6)) continue;
      scheduler.after(random.logarithmic(1, 1500), () => device.goOffline(false));
      scheduler.after(random.logarithmic(1500, 4000), () => device.goOnline());
    }
    for (const userId of users) {
      const newer = random.integer(0, 1);
      for (let services = 0; services < 2; services++)
        scheduler.after(random.logarithmic(100, 3000), () => this.#withdraw(userId, newer));
    }
    await this.#stage.passPrompt();
  }

  #withdraw(userId: string, newer: number): void {
    const { withdrawers, failed } = this.#world;
    withdrawers.withdraw({ userId, newer, byId: false }).catch(failed);
  }
}

/** Runs one seed of the events. */
import type { Violation } from './checks.ts';
import { planOf } from './plan.ts';
import { EventsWorld } from './world.ts';

export async function runSeed(seed: number): Promise<{ seed: number; violation: Violation | undefined }> {
  const world = new EventsWorld(seed, planOf(seed));
  const onRejection = (reason: unknown) => world.failed(reason);
  process.on('unhandledRejection', onRejection);
  try {
    return { seed, violation: await world.run() };
  } finally {
    process.off('unhandledRejection', onRejection);
  }
}

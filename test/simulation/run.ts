/** Runs one seed. */
import type { Violation } from './checks/judge.ts';
import type { Injected } from './faults.ts';
import { type Plan, planOf } from './plan.ts';
import { StompCourse } from './stomp-course.ts';
import { type Options, World } from './world/world.ts';

export interface Report {
  seed: number;
  violation: Violation | undefined;
  plan: Plan;
  steps: number;
  virtualMs: number;
  invocations: number;
  posts: number;
  faults: Map<string, number>;
  places: Map<string, number>;
  injected: Injected[];
}

/** Theirs is another world: the others need not run it each time. */
const meetsStomp = (seed: number): boolean => seed % 3 === 1;

export async function runSeed(seed: number, options: Options = {}, plan = planOf(seed)): Promise<Report> {
  const world = new World(seed, plan, options);
  const startedAt = world.scheduler.now;
  const stomp = new StompCourse(seed, plan, options);
  const onRejection = (reason: unknown) => world.failed(reason);
  process.on('unhandledRejection', onRejection);
  try {
    const violation = (await world.run()) ?? (meetsStomp(seed) ? await stomp.run() : undefined);
    return {
      seed,
      violation,
      plan,
      steps: world.scheduler.steps,
      virtualMs: world.scheduler.now - startedAt,
      invocations: world.lambdas.invocations,
      posts: world.sockets.posts,
      faults: world.faults.counts,
      places: world.judge.places.counts,
      injected: world.faults.injected,
    };
  } finally {
    process.off('unhandledRejection', onRejection);
  }
}

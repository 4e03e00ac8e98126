/** Weaves services that take messages back into the plans of some seeds. */
import type { Act, Plan } from './plan.ts';
import { Random } from './random.ts';
import { woven } from './weave.ts';

/** Most of what is withdrawn is young. */
const NEWER = 12;

export function withWithdrawing(seed: number, plan: Plan): Plan {
  const random = new Random(seed, 'withdrawing');
  if (!random.chance(0.3)) return plan;
  const users = [...new Set(plan.devices.map(({ userId }) => userId))];
  const operations = woven(plan, random, (): Act[] => {
    const newer = random.chance(0.5) ? 0 : random.integer(0, NEWER);
    const act: Act = { kind: 'withdraw', userId: random.pick(users), newer, byId: random.chance(0.3) };
    // Two services, or one that repeats itself: only one of them withdraws it.
    return random.chance(0.3) ? [act, act] : [act];
  });
  return { ...plan, operations, areWithdrawing: true };
}

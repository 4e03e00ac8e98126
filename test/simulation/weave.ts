/** Weaves further acts into a plan: now and then some follow what is done anyway, close upon each other. */
import type { Act, Operation, Plan } from './plan.ts';
import type { Random } from './random.ts';

/** Acts at once. Example: marks by several devices of one user. */
const APART_MS: [least: number, most: number] = [1, 60];

/** `random`: a stream of its own, so that everything else of the plan stays as it was. */
export function woven(plan: Plan, random: Random, acts: () => Act[]): Operation[] {
  const often = random.logarithmic(1, 20) / 20;
  return plan.operations.flatMap((operation): Operation[] => {
    if (!random.chance(often)) return [operation];
    let { at } = operation;
    const following = acts().map((act) => {
      at += random.logarithmic(...APART_MS);
      return { at, act };
    });
    return [operation, ...following];
  });
}

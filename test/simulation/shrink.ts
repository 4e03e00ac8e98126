/** Makes a failing run small: as few operations and faults as still break the same guarantee with the same seed. */
import { type Plan, planOf } from './plan.ts';
import { type Report, runSeed } from './run.ts';

/** Runs that shrinking may take. */
const MAX_RUNS = 400;

export interface Shrunk {
  plan: Plan;
  dropped: ReadonlySet<number>;
  report: Report;
}

export async function shrink(seed: number, guarantee: string): Promise<Shrunk> {
  let runs = 0;
  let best: Shrunk = { plan: planOf(seed), dropped: new Set(), report: await runSeed(seed) };
  const stillFails = async (plan: Plan, dropped: ReadonlySet<number>): Promise<boolean> => {
    if (++runs > MAX_RUNS) return false;
    const report = await runSeed(seed, { dropped }, plan);
    if (report.violation?.guarantee !== guarantee) return false;
    best = { plan, dropped, report };
    return true;
  };
  await withFewer(best.plan.operations, (operations) =>
    stillFails({ ...best.plan, operations }, best.dropped),
  );
  const ordinals = best.report.injected.map(({ ordinal }) => ordinal);
  await withFewer(ordinals, (kept) =>
    stillFails(best.plan, new Set(ordinals.filter((ordinal) => !kept.includes(ordinal)))),
  );
  await withFewer(best.plan.operations, (operations) =>
    stillFails({ ...best.plan, operations }, best.dropped),
  );
  return best;
}

/** Leaves out ever smaller parts of a list while the rest still fails (delta debugging). */
async function withFewer<Item>(items: Item[], stillFails: (rest: Item[]) => Promise<boolean>): Promise<void> {
  let kept = items;
  if (await stillFails([])) return;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < kept.length; ) {
      const rest = [...kept.slice(0, from), ...kept.slice(from + size)];
      if (await stillFails(rest)) kept = rest;
      else from += size;
    }
  }
}

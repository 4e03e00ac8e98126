/** Runs many seeds on all processors and adds up what happened. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Violation } from './checks/judge.ts';

export interface Tally {
  seeds: number;
  steps: number;
  virtualMs: number;
  invocations: number;
  posts: number;
  faults: Map<string, number>;
  places: Map<string, number>;
  violations: { seed: number; violation: Violation }[];
}

/** What a worker tells of one seed. */
export type SeedReport = Omit<Tally, 'seeds' | 'violations'> & {
  seed: number;
  violation: Violation | undefined;
};

const workerFile = new URL('many-worker.ts', import.meta.url);

export async function runMany(
  from: number,
  seeds: number,
  progress: (tally: Tally) => void = () => {},
): Promise<Tally> {
  const tally: Tally = {
    seeds: 0,
    steps: 0,
    virtualMs: 0,
    invocations: 0,
    posts: 0,
    faults: new Map(),
    places: new Map(),
    violations: [],
  };
  const workers = Math.min(availableParallelism(), seeds);
  const run = (first: number) =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(workerFile, { workerData: { first, end: from + seeds, step: workers } });
      worker.on('message', (report: SeedReport) => {
        add(tally, report);
        progress(tally);
      });
      worker.on('error', reject);
      worker.on('exit', () => resolve());
    });
  await Promise.all(Array.from({ length: workers }, (_none, index) => run(from + index)));
  tally.violations.sort((one, other) => one.seed - other.seed);
  return tally;
}

function add(tally: Tally, report: SeedReport): void {
  tally.seeds += 1;
  tally.steps += report.steps;
  tally.virtualMs += report.virtualMs;
  tally.invocations += report.invocations;
  tally.posts += report.posts;
  addCounts(tally.faults, report.faults);
  addCounts(tally.places, report.places);
  if (report.violation) tally.violations.push({ seed: report.seed, violation: report.violation });
}

function addCounts(sums: Map<string, number>, counts: Map<string, number>): void {
  for (const [name, count] of counts) sums.set(name, (sums.get(name) ?? 0) + count);
}

/** Hunts the mutants in as many processes as there are processors; a process takes one mutant after the other. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import type { Hunt, Prey } from './hunter.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import { type RecordedSeeds, readSeeds } from './seeds.ts';

/** Each mutant is caught within so many seeds. */
export const ZOO_SEEDS = 500;

export interface Catch extends Prey {
  mutant: Mutant;
  /** The seed that caught the mutant when the seeds were last recorded. */
  recorded: number | undefined;
}

export interface Options {
  /** Whether a mutant's recorded seed is tried before all others. */
  recordedFirst: boolean;
  /** Told of each mutant as its hunt ends. */
  onCatch?: (one: Catch) => void;
}

/** In the order of the mutants. */
export async function runZoo({ recordedFirst, onCatch = () => {} }: Options): Promise<Catch[]> {
  const recorded = readSeeds();
  const catches = new Map<Mutant, Catch>();
  const left = MUTANTS.values();
  const work = async () => {
    const hunter = startHunter();
    try {
      for (const mutant of left) {
        const seeds = seedsFor(mutant, recordedFirst ? recorded : {});
        const prey = await ask(hunter, { mutant: mutant.name, seeds });
        const one: Catch = { mutant, recorded: recorded[mutant.name], ...prey };
        catches.set(mutant, one);
        onCatch(one);
      }
    } finally {
      hunter.kill();
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return MUTANTS.flatMap((mutant) => catches.get(mutant) ?? []);
}

function seedsFor({ name }: Mutant, recorded: RecordedSeeds): number[] {
  const first = recorded[name];
  const all = Array.from({ length: ZOO_SEEDS }, (_none, index) => index + 1);
  return first === undefined ? all : [first, ...all.filter((seed) => seed !== first)];
}

const startHunter = (): ChildProcess => fork(new URL('hunter.ts', import.meta.url), { execArgv: [] });

async function ask(hunter: ChildProcess, hunt: Hunt): Promise<Prey> {
  const ended = new AbortController();
  const death = once(hunter, 'exit', { signal: ended.signal }).then(([code]) => {
    throw new Error(`${hunt.mutant}: the process that hunts it ended with ${code}`);
  });
  const answer = once(hunter, 'message', { signal: ended.signal }).then(([prey]) => prey as Prey);
  hunter.send(hunt);
  try {
    return await Promise.race([answer, death]);
  } finally {
    ended.abort();
    await Promise.allSettled([answer, death]);
  }
}

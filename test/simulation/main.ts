/**
 * `npm run simulate -- [--seeds 1000] [--from 1]` runs many seeds; `--seed 42 [--trace]` runs one, and shrinks it if it fails;
 * `--zoo` hunts each mutant, the recorded seed first; `--zoo --record` from the first seed on, and keeps what it finds. Exits with 1
 * when a guarantee is broken, a mutant survives, or a promise has no mutant that dies by it.
 */
import { parseArgs } from 'node:util';
import { runMany } from './many.ts';
import {
  faultTable,
  placeTable,
  promisesWithoutMutants,
  promiseTable,
  shrunkStory,
  summary,
} from './report.ts';
import { runSeed } from './run.ts';
import { shrink } from './shrink.ts';
import { recordSeeds, stale } from './zoo/seeds.ts';
import { runZoo, ZOO_SEEDS } from './zoo/zoo.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    zoo: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
  },
});

async function one(seed: number): Promise<boolean> {
  const trace = values.trace ? (line: string) => console.log(line) : undefined;
  const { violation, steps } = await runSeed(seed);
  if (!violation) {
    if (trace) await runSeed(seed, { trace });
    console.log(`seed ${seed}: nothing broken in ${steps} steps`);
    return true;
  }
  console.log(`seed ${seed} breaks “${violation.guarantee}”; shrinking…`);
  const shrunk = await shrink(seed, violation.guarantee);
  if (trace) await runSeed(seed, { dropped: shrunk.dropped, trace }, shrunk.plan);
  console.log(shrunkStory(shrunk));
  return false;
}

async function many(from: number, seeds: number): Promise<boolean> {
  const startedAt = performance.now();
  const tally = await runMany(from, seeds, (soFar) => {
    if (process.stdout.isTTY) process.stdout.write(`\r${summary(soFar)}`);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const speed = `${Math.round(tally.steps / seconds)} steps/s`;
  console.log(`${process.stdout.isTTY ? '\r' : ''}${summary(tally)} in ${seconds.toFixed(1)} s (${speed})`);
  console.log(faultTable(tally));
  console.log(placeTable(tally));
  for (const { seed, violation } of tally.violations) {
    console.log(`seed ${seed}: ${violation.guarantee}: ${violation.detail}`);
  }
  console.log(
    tally.violations.length === 0 ? 'No guarantee was broken.' : 'Look closer with --seed N --trace.',
  );
  return tally.violations.length === 0;
}

async function zoo(): Promise<boolean> {
  const catches = await runZoo({
    recordedFirst: !values.record,
    onCatch: ({ mutant, seed, guarantee }) => {
      const fate = seed === undefined ? 'SURVIVED' : `caught by seed ${seed}: ${guarantee}`;
      console.log(`  ${mutant.name.padEnd(62)} ${fate}`);
    },
  });
  const caught = catches.filter(({ seed }) => seed !== undefined).length;
  console.log(`${caught} of ${catches.length} mutants caught within ${ZOO_SEEDS} seeds each`);
  console.log(promiseTable(catches));
  if (values.record) recordSeeds(catches);
  else for (const line of stale(catches)) console.log(`Record it anew with --record: ${line}`);
  return caught === catches.length && promisesWithoutMutants(catches).length === 0;
}

async function chosen(): Promise<boolean> {
  if (values.zoo) return await zoo();
  if (values.seed !== undefined) return await one(Number(values.seed));
  return await many(Number(values.from), Number(values.seeds));
}

process.exitCode = (await chosen()) ? 0 : 1;

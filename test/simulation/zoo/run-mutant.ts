/** One mutant in a process of its own: `node run-mutant.ts <name> <seeds>` tells after how many seeds it was caught, and by what. */
import { loadMutated, mutantNamed } from './mutate.ts';

const [name = '', seeds = '1'] = process.argv.slice(2);
const check = loadMutated(mutantNamed(name));
const { runSeed } = await import('../run.ts');
check();

for (let seed = 1; seed <= Number(seeds); seed++) {
  const { violation } = await runSeed(seed);
  if (!violation) continue;
  console.log(JSON.stringify({ seed, guarantee: violation.guarantee, detail: violation.detail }));
  process.exit(0);
}
console.log(JSON.stringify({ seed: undefined }));

/** `npm run bench [-- question …]`: measures all, prints one table, writes `results.json` and `README.md`. */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { type Report, readme, table } from './report.ts';
import type { Question, Result } from './result.ts';

const QUESTIONS = [
  'post',
  'cold-start',
  'clients',
  'units',
  'growth',
  'replay',
  'fan-out',
  'delivery',
  'away',
  'start',
  'pipeline',
  'broadcast',
];

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !QUESTIONS.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`No question ${unknown.join(', ')}; there are ${QUESTIONS.join(', ')}\n`);
  process.exit(1);
}

const startedAt = Date.now();
const results: Result[] = [];
const failures: string[] = [];
for (const name of asked.length > 0 ? asked : QUESTIONS) {
  try {
    results.push(await answer(name));
  } catch (error) {
    // The other questions have answers all the same.
    failures.push(`${name}: ${error instanceof Error ? error.message : error}`);
  }
  if (asked.length === 0) write(); // what is known is kept, whatever becomes of the rest
}
process.stderr.write('\r\x1b[K');
process.stdout.write(table(report()));
process.exit(failures.length > 0 ? 1 : 0);

function report(): Report {
  return {
    measuredAt: new Date(startedAt).toISOString(),
    tookSeconds: Math.round((Date.now() - startedAt) / 1000),
    machine: {
      cpu: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
      memoryGb: Math.round(totalmem() / 2 ** 30),
      node: process.version,
      loadAverage: loadavg()[0] ?? 0,
    },
    results,
    failures,
  };
}

function write(): void {
  const folder = import.meta.dirname;
  writeFileSync(join(folder, 'results.json'), `${JSON.stringify(report(), null, 2)}\n`);
  writeFileSync(join(folder, 'README.md'), readme(report(), folder));
}

async function answer(name: string): Promise<Result> {
  const { measure }: { measure: Question } = await import(`./${name}.ts`);
  return await measure((text) => {
    const seconds = Math.round((Date.now() - startedAt) / 1000);
    process.stderr.write(`\r\x1b[K${String(seconds).padStart(4)} s  ${name}: ${text}`);
  });
}

/**
 * What the documents show, run as it stands there, and what they say each thing costs, counted:
 * apart, so that what everybody runs stays short.
 */
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** Those that start shells, compilers and stacks; the documents' other tests are part of `npm test`. */
export const DOCUMENTED = [
  'test/docs/{javascript,phones,runbook,shell}.test.ts',
  'test/tools/cost/{start-units,units}.test.ts',
];

export default defineConfig({
  root: join(import.meta.dirname, '../..'),
  test: {
    include: DOCUMENTED,
    pool: 'forks',
    // One more than there usually are processors: these wait for processes of their own.
    maxWorkers: 3,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});

/**
 * All tests, but for those with a configuration of their own (`test/browser`, `test/packages`,
 * `test/soak`), in three projects that run one after the other:
 * - `fast`: unit, contract and client tests, for every save. They share one copy of the sources and
 *   leave nothing behind in it, so a worker loads the sources once, not once for each file.
 * - `system`: what starts processes and servers, or synthesizes the CDK app.
 * - `simulation`: each of its tests takes all processors by itself.
 */
import { defineConfig } from 'vitest/config';

const FAST = ['test/lambdas/**/*.test.ts', 'test/client/**/*.test.ts', 'test/architecture.test.ts'];
const SIMULATION = ['test/simulation/**/*.test.ts'];
const ELSEWHERE = ['test/browser/**', 'test/packages/**', 'test/soak/**', '**/node_modules/**'];

export default defineConfig({
  test: {
    // These end what hangs. They say nothing of speed: the machine may be busy.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: { name: 'fast', include: FAST, pool: 'threads', isolate: false, sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/**/*.test.ts'],
          exclude: [...FAST, ...SIMULATION, ...ELSEWHERE],
          pool: 'forks',
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'simulation',
          include: SIMULATION,
          pool: 'forks',
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});

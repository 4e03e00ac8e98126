/**
 * All tests, but for those with a configuration of their own (`test/browser`, `test/docs`,
 * `test/packages`, `test/sdk`, `test/soak`, `test/stomp`), in four projects that run one after the
 * other:
 * - `fast`: unit, contract and client tests, for every save.
 * - `cdk`: what the CDK app and the construct are synthesized to.
 * - `system`: what starts processes and servers.
 * - `simulation`: each of its tests takes all processors by itself.
 *
 * But for the simulation, the files share one copy of the sources in each worker and leave nothing
 * behind in it: loading the sources, or the CDK, for each file takes longer than most files' tests.
 */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { DOCUMENTED } from './test/docs/vitest.config.ts';

const FAST = ['test/lambdas/**/*.test.ts', 'test/client/**/*.test.ts', 'test/architecture.test.ts'];
const CDK = ['test/lib/**/*.test.ts', 'test/tools/cost/sheet.test.ts', 'test/docs/deploy.test.ts'];
const SIMULATION = ['test/simulation/**/*.test.ts'];
const ELSEWHERE = ['browser', 'packages', 'soak', 'stomp'].map((folder) => `test/${folder}/**`);

// Hundreds of processes that the tests start load the same sources: Node keeps what it has compiled of them.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules/.cache/compiled');
enableCompileCache(process.env.NODE_COMPILE_CACHE);

export default defineConfig({
  test: {
    // These end what hangs. They say nothing of speed: the machine may be busy.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // All processors: many of the tests wait most of their time. The default leaves one processor idle.
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: { name: 'fast', include: FAST, pool: 'threads', isolate: false, sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        test: { name: 'cdk', include: CDK, pool: 'threads', isolate: false, sequence: { groupOrder: 2 } },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/**/*.test.ts'],
          exclude: [...FAST, ...CDK, ...SIMULATION, ...DOCUMENTED, ...ELSEWHERE, '**/node_modules/**'],
          pool: 'forks',
          isolate: false,
          // One more than there usually are processors: these wait for processes of their own.
          maxWorkers: 3,
          sequence: { groupOrder: 3 },
        },
      },
      {
        extends: true,
        test: {
          name: 'simulation',
          include: SIMULATION,
          pool: 'forks',
          fileParallelism: false,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});

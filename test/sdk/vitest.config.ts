/** The contract suites once more, with the clients of the AWS SDK in the place of ours: `npm run test:sdk`. */
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const ROOT = join(import.meta.dirname, '../..');

export default defineConfig({
  root: ROOT,
  resolve: { alias: { '#aws-client': join(ROOT, 'lambdas/aws/sdk/index.ts') } },
  test: {
    include: ['test/lambdas/adapters/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});

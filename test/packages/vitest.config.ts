/**
 * The tests of what `npm pack` makes: they install from the registry as somebody else does, which `npm run check` leaves out, so
 * that it needs no network and no minute more.
 */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    pool: 'forks',
    // Two installations at once would wait for each other's disk.
    fileParallelism: false,
    // Only so that a hung program ends: an installation takes as long as the network and the machine's load make it.
    testTimeout: 300_000,
    hookTimeout: 600_000,
  },
});

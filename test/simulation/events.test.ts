/** What the application is told, and the outbox: 150 seeds at every change, or `SEEDS` of them. */
import { expect, it } from 'vitest';
import { runSeed } from './events/run.ts';

const SEEDS = Number(process.env.SEEDS ?? 150);

it(`calls for help, tells who is there, and publishes the outbox, through the faults of ${SEEDS} seeds`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violation } = await runSeed(seed);
    expect(violation, `seed ${seed}`).toBeUndefined();
  }
}, 600_000);

/** The Lambdas change; the events and the environment that the bench starts them with must follow. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startCannedAws } from '../../../tools/bench/canned-aws.ts';
import { timeOf } from '../../../tools/bench/cold-start.ts';
import { environmentOf, FIRST_EVENTS } from '../../../tools/bench/first-events.ts';

const ENTRIES = join(import.meta.dirname, '../../../lambdas/entry');

let aws: Awaited<ReturnType<typeof startCannedAws>>;

beforeAll(async () => {
  aws = await startCannedAws();
});
afterAll(() => aws.stop());

it.each(Object.entries(FIRST_EVENTS))('the Lambda %s serves its first event', async (name, event) => {
  const file = join(ENTRIES, `${name}.ts`);

  expect(await timeOf(file, event, environmentOf(aws.url))).toBeGreaterThan(0);
});

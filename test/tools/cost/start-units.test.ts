/** What a `sync` on open costs, where it is there before the stream. */
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { Client } from '../../../local/cli/client.ts';
import { UNITS } from '../../../tools/cost/units.ts';
import { MeasuredStack, sum } from './measured-stack.ts';

/** Long enough for any `sync` to come first. */
const stack = new MeasuredStack({ streamDelayMs: 5000 });

it('a connect and the sync that starts it', async () => {
  const user = randomUUID();
  await stack.acquaint(user);
  let client: Client | undefined;
  const frames = () => client?.frames.length ?? 0;
  const expected = sum(UNITS.connect, UNITS.syncOnOpen);
  const opened = await stack.measure(expected, frames, async () => {
    client = await stack.openAsking(user);
  });
  expect({ ...opened, frames: opened.frames + 1 }).toEqual(expected);
  await stack.left(client);
});

/**
 * A measurement, with no bound of its own: the report of `npm run e2e` prints the times. What can
 * fail is that something does not arrive at all, which each wait below says when its deadline is over.
 */
import { expect, it } from 'vitest';
import { range, Target } from './target.ts';

const target = new Target();

const MESSAGES = 100;
const RECONNECTS = 20;
const MISSED = 3;

declare module 'vitest' {
  interface TaskMeta {
    /** What was measured, by name: a time in milliseconds for each round. */
    measuredMs?: Record<string, number[]>;
  }
}

it('each message arrives by itself: how long from publish to receive', async ({ task }) => {
  const user = target.newUser();
  const device = await target.device(user, 'phone');
  const times: number[] = [];
  for (const round of range(1, MESSAGES)) {
    const startedAt = performance.now();
    const arrived = device
      .until(() => device.messages.some(({ seq }) => seq === round), `message ${round}`)
      .then(() => performance.now() - startedAt);
    await target.publish(user, round);
    times.push(await arrived);
  }
  task.meta.measuredMs = { 'publish → receive': times };
});

it('a device that comes back catches up: how long from connect to the last message', async ({ task }) => {
  const user = target.newUser();
  await (await target.device(user, 'phone')).close();
  const times: number[] = [];
  for (const _ of range(1, RECONNECTS)) {
    await target.publishAll(user, range(1, MISSED));
    const startedAt = performance.now();
    const device = await target.device(user, 'phone');
    times.push(performance.now() - startedAt);
    expect(device.messages.slice(-MISSED).map(({ data }) => data)).toEqual(range(1, MISSED));
    await device.close();
  }
  task.meta.measuredMs = { 'reconnect → caught up': times };
});

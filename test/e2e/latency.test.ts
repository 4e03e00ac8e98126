/** How long it takes: what is promised is that everything arrives; how fast, the report says. */
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

it('a message arrives while its publisher still watches', async ({ task }) => {
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
  expect(times).toHaveLength(MESSAGES);
}, 60_000);

it('a device that comes back has caught up within its first seconds', async ({ task }) => {
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
}, 120_000);

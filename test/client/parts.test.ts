/** What the parts promise each other and no whole client shows. */
import { expect, it } from 'vitest';
import type { Connection } from '../../client/connection.ts';
import { Line } from '../../client/line.ts';
import { loadPosition, savePosition } from '../../client/storage.ts';
import type { Timer } from '../../client/timer.ts';
import { MapStorage } from './world.ts';

const frame = (through: number) => ({
  event: 'replay' as const,
  channel: 'user:alice',
  epoch: 'one',
  messages: [],
  after: through - 1,
  through,
  expired: 0,
  more: true,
});

it('a window is sixteen frames', () => {
  const line = new Line({} as Connection, false, {} as Timer);
  line.begin(0);
  for (let through = 1; through <= 15; through++) line.receive(frame(through));
  expect(line.isReplaying).toBe(true);
  line.receive(frame(16));
  expect(line.isReplaying).toBe(false);
});

it('a stored position never goes back, unless the numbering begins anew', async () => {
  const storage = new MapStorage();
  await savePosition(storage, 'key', { epoch: 'one', seq: 5 }, false);
  await savePosition(storage, 'key', { epoch: 'one', seq: 3 }, false);
  expect(await loadPosition(storage, 'key')).toEqual({ epoch: 'one', seq: 5 });
  await savePosition(storage, 'key', { epoch: 'one', seq: 3 }, true);
  expect(await loadPosition(storage, 'key')).toEqual({ epoch: 'one', seq: 3 });
});

it('a stored position that is not ours counts as none', async () => {
  const storage = new MapStorage();
  for (const text of ['no JSON', '7', '{"epoch":1,"seq":2}', '{"epoch":"one","seq":"2"}']) {
    storage.setItem('key', text);
    expect(await loadPosition(storage, 'key')).toBeUndefined();
  }
});

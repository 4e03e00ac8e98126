/** What the parts promise each other and no whole client shows. */
import { expect, it } from 'vitest';
import type { World } from '../../client/environment.ts';
import { loadPosition, savePosition } from '../../client/storage.ts';
import { Subscription } from '../../client/subscription.ts';
import { MapStorage } from './world.ts';

it('a window is sixteen frames', () => {
  const window = new Subscription({} as World);
  window.open(0);
  for (let through = 1; through <= 15; through++) window.receive({ through, more: true });
  expect(window.isOpen).toBe(true);
  window.receive({ through: 16, more: true });
  expect(window.isOpen).toBe(false);
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

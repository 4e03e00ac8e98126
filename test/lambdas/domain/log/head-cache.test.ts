/** What a process remembers of the heads of channels is bounded, handed out once, and not kept where it was wrong. */
import { expect, it } from 'vitest';
import { createHeadCache } from '../../../../lambdas/domain/log/head-cache.ts';

const head = (seq: number) => ({ epoch: 'epoch-1', seq, updatedAt: 1 });

it('hands a head out once', () => {
  const heads = createHeadCache();
  heads.put('user:alice', head(1), 0);
  expect(heads.take('user:alice', 1)).toEqual(head(1));
  expect(heads.take('user:alice', 1)).toBeUndefined();
});

it('forgets it after ten seconds', () => {
  const heads = createHeadCache();
  heads.put('user:alice', head(1), 0);
  expect(heads.take('user:alice', 10_000)).toBeUndefined();
});

it('keeps none of a channel for a minute after it was wrong about it, and of the others all the same', () => {
  const heads = createHeadCache();
  heads.invalidate('user:alice', 0);
  heads.put('user:alice', head(1), 59_999);
  heads.put('user:bob', head(2), 59_999);
  expect(heads.take('user:alice', 60_000)).toBeUndefined();
  expect(heads.take('user:bob', 60_000)).toEqual(head(2));
  heads.put('user:alice', head(3), 60_000);
  expect(heads.take('user:alice', 60_000)).toEqual(head(3));
});

it('keeps those of the thousand channels that were published to last', () => {
  const heads = createHeadCache();
  for (let user = 0; user <= 1000; user++) heads.put(`user:${user}`, head(user), 0);
  heads.put('user:1', head(7), 0);
  heads.put('user:another', head(8), 0);
  const kept = Array.from({ length: 1001 }, (_, user) => heads.take(`user:${user}`, 0));
  expect(kept.filter((one) => one !== undefined)).toHaveLength(999);
  expect(kept[0]).toBeUndefined();
  expect(kept[1]).toEqual(head(7));
  expect(kept[2]).toBeUndefined();
});

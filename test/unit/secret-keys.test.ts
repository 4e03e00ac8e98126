/** The shared secret is read seldom, and an outage of its store does not lock everybody out. */
import { describe, expect, it } from 'vitest';
import { secretKeys } from '../../lambdas/auth/keys.ts';

const FIVE_MINUTES = 5 * 60_000;

/** A secret store that counts its reads and can be down. */
function aSecret() {
  const secret = { value: 'first', down: false, reads: 0, now: 1_000_000 };
  const keys = secretKeys(
    async () => {
      secret.reads += 1;
      if (secret.down) throw new Error('secret store down');
      return secret.value;
    },
    () => secret.now,
  );
  const current = async () => (await keys.find(undefined))?.export().toString();
  return { secret, keys, current };
}

describe('the secret', () => {
  it('verifies HS256 and nothing else', () => expect(aSecret().keys.algorithms).toEqual(['HS256']));

  it('is read once and kept for five minutes', async () => {
    const { secret, current } = aSecret();
    expect(await current()).toBe('first');
    secret.value = 'second';
    secret.now += FIVE_MINUTES - 1;
    expect(await current()).toBe('first');
    expect(secret.reads).toBe(1);
  });

  it('is read again after that', async () => {
    const { secret, current } = aSecret();
    await current();
    secret.value = 'second';
    secret.now += FIVE_MINUTES;
    expect(await current()).toBe('second');
    expect(secret.reads).toBe(2);
  });

  it('stands as it was while it cannot be read, and is not asked for at every connect', async () => {
    const { secret, current } = aSecret();
    await current();
    secret.down = true;
    secret.now += FIVE_MINUTES;
    expect([await current(), await current(), await current()]).toEqual(['first', 'first', 'first']);
    expect(secret.reads).toBe(2);
    secret.down = false;
    secret.value = 'second';
    secret.now += FIVE_MINUTES;
    expect(await current()).toBe('second');
  });

  it('that was never read fails, and is asked for again by the next', async () => {
    const { secret, current } = aSecret();
    secret.down = true;
    await expect(current()).rejects.toThrow('secret store down');
    secret.down = false;
    expect(await current()).toBe('first');
  });
});

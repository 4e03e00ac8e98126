/** The shared secret is read seldom, and an outage of its store does not lock everybody out. */
import type { KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkSecret, secretKeys, UnfitSecret } from '../../../lambdas/auth/keys.ts';
import { createVerifyToken, TokenError } from '../../../lambdas/auth/verify-token.ts';
import { goodClaims, hs } from '../../support/tokens.ts';

const FIVE_MINUTES = 5 * 60_000;

/** A secret is long; the tests call it by its first word. */
const long = (name: string) => `${name} ${'x'.repeat(32)}`;

/** A secret store that counts its reads and can be down. */
function aSecret() {
  const secret = {
    value: 'first',
    previous: undefined as string | undefined,
    down: false,
    reads: 0,
    now: 1_000_000,
  };
  const keys = secretKeys(
    async (version) => {
      secret.reads += 1;
      if (secret.down) throw new Error('secret store down');
      const name = version === 'AWSCURRENT' ? secret.value : secret.previous;
      return name === undefined ? undefined : long(name);
    },
    () => secret.now,
  );
  const texts = (found: KeyObject[] = []) => found.map((key) => key.export().toString().split(' ')[0]);
  const all = async () => texts(await keys.find(undefined, 'HS256'));
  const current = async () => (await all())[0];
  const lookAgain = async () => texts(await keys.lookAgain?.());
  const rotate = (value: string) => Object.assign(secret, { value, previous: secret.value });
  return { secret, keys, all, current, lookAgain, rotate };
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

describe('a rotation', () => {
  const aVerifier = () => {
    const { secret, keys, rotate } = aSecret();
    const verify = createVerifyToken(keys, {});
    const accepts = async (value: string) => {
      try {
        await verify(hs(goodClaims(), { secret: long(value) }));
        return true;
      } catch (error) {
        if (error instanceof TokenError) return false;
        throw error;
      }
    };
    return { secret, rotate, accepts };
  };

  it('locks out nobody: tokens of the new secret work at once, those of the old one go on', async () => {
    const { rotate, accepts } = aVerifier();
    expect(await accepts('first')).toBe(true);
    rotate('second');
    expect([await accepts('second'), await accepts('first')]).toEqual([true, true]);
  });

  it('is known to a Lambda that starts only now', async () => {
    const { rotate, accepts } = aVerifier();
    rotate('second');
    expect([await accepts('first'), await accepts('second'), await accepts('other')]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('does not cost a read for each token of the old secret', async () => {
    const { secret, rotate, accepts } = aVerifier();
    rotate('second');
    for (let token = 0; token < 50; token++) expect(await accepts('first')).toBe(true);
    expect(secret.reads).toBe(3);
  });

  it('ends the secret before the last', async () => {
    const { secret, rotate, accepts } = aVerifier();
    await accepts('first');
    rotate('second');
    rotate('third');
    expect([await accepts('third'), await accepts('first')]).toEqual([true, false]);
    secret.now += FIVE_MINUTES;
    expect([await accepts('second'), await accepts('first')]).toEqual([true, false]);
  });

  it('is over within five minutes when its operator ends the previous version', async () => {
    const { secret, rotate, accepts } = aVerifier();
    rotate('second');
    expect(await accepts('first')).toBe(true);
    secret.previous = undefined;
    secret.now += FIVE_MINUTES;
    expect([await accepts('first'), await accepts('second')]).toEqual([false, true]);
  });
});

describe('tokens that fit no secret', () => {
  it('make it be read a few times, then once in ten seconds, and never delay a good one for longer', async () => {
    const { secret, all, lookAgain, rotate } = aSecret();
    await all();
    for (let bad = 0; bad < 1000; bad++) await lookAgain();
    const flooded = secret.reads;
    expect(flooded).toBeLessThanOrEqual(1 + 3 * 2);
    rotate('second');
    secret.now += 10_000;
    expect(await lookAgain()).toEqual(['second', 'first']);
  });

  it('are refused and not a fault while the secret cannot be read again', async () => {
    const { secret, all, lookAgain } = aSecret();
    await all();
    secret.down = true;
    expect(await lookAgain()).toEqual(['first']);
  });
});

describe('a secret that is unfit to sign', () => {
  const bytes = (count: number) => 'x'.repeat(count);

  it.each([
    ['blank', '', /^the secret is blank$/],
    ['nothing but white space', ` \n${' '.repeat(40)}`, /^the secret is blank$/],
    ['31 bytes long', bytes(31), /^the secret has 31 bytes, expected at least 32$/],
    [
      'JSON around the secret',
      JSON.stringify({ secret: bytes(64) }),
      /^the secret is JSON, expected .* plain text/,
    ],
    ['a list', JSON.stringify([bytes(64)]), /^the secret is JSON/],
    ['JSON with space around it', ` {"a": "${bytes(64)}"}\n`, /^the secret is JSON/],
  ])('is refused with the reason, since it is %s', async (_what, text, reason) => {
    const failure = await secretKeys(async () => text)
      .find(undefined, 'HS256')
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UnfitSecret);
    expect(String((failure as Error).message)).toMatch(reason);
    expect((failure as Error).message).not.toContain('xxx');
  });

  it.each([bytes(32), 'ü'.repeat(16), '9'.repeat(40), `"${bytes(40)}"`, `${bytes(40)}\n`])(
    'is none of these: %j',
    (text) => expect(checkSecret('it', text)).toBe(text),
  );

  it('after a rotation is told, and locks out nobody who has a token of the one before', async () => {
    let current = bytes(64);
    const verify = createVerifyToken(
      secretKeys(async (version) => (version === 'AWSCURRENT' ? current : bytes(64))),
      {},
    );
    await verify(hs(goodClaims(), { secret: bytes(64) }));
    current = '{"secret":"new"}';
    await expect(verify(hs(goodClaims(), { secret: current }))).rejects.toThrow(/^the secret is JSON/);
    expect(await verify(hs(goodClaims(), { secret: bytes(64) }))).toMatchObject({ userId: 'alice' });
  });

  it('before a rotation verifies nothing any more', async () => {
    const verify = createVerifyToken(
      secretKeys(async (version) => (version === 'AWSCURRENT' ? bytes(64) : 'short')),
      {},
    );
    await expect(verify(hs(goodClaims(), { secret: 'short' }))).rejects.toThrow('invalid signature');
    expect(await verify(hs(goodClaims(), { secret: bytes(64) }))).toMatchObject({ userId: 'alice' });
  });
});

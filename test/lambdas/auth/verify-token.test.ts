/** Only a token that was signed as agreed, is current and names a user opens a connection. */
import { createPublicKey, createSecretKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { secretKeys, type TokenKeys } from '../../../lambdas/auth/keys.ts';
import { createVerifyToken, TokenError, type TokenRules } from '../../../lambdas/auth/verify-token.ts';
import { goodClaims, hs, inSeconds, SECRET, signed, unsigned } from '../../support/tokens.ts';

const keys = secretKeys(async () => SECRET);
const verify = (token: string, rules: TokenRules = {}) => createVerifyToken(keys, rules)(token);

/** Why a token is refused. */
async function refusalOf(token: string, rules: TokenRules = {}, by: TokenKeys = keys): Promise<string> {
  const error = await createVerifyToken(
    by,
    rules,
  )(token).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TokenError);
  return error instanceof TokenError ? error.message : '';
}

describe('a token signed with the secret', () => {
  it('tells who connects and until when', async () => {
    const exp = inSeconds(60);
    expect(await verify(hs({ sub: 'alice', exp }))).toEqual({ userId: 'alice', tokenExpiresAt: exp * 1000 });
  });

  it('tells the permissions as they stand in its claim `herald`, or in another if the rules name one', async () => {
    const claims = { ...goodClaims(), herald: { subscribe: ['topic:*'] }, 'https://a.example/h': 7 };
    expect((await verify(hs(claims))).permissions).toEqual({ subscribe: ['topic:*'] });
    const other = await verify(hs(claims), { permissionsClaim: 'https://a.example/h' });
    expect(other.permissions).toBe(7);
    expect((await verify(hs(goodClaims()))).permissions).toBeUndefined();
  });

  it('may hold other claims, and a user id of any script', async () => {
    const claims = { ...goodClaims(), sub: 'ålice 😀', scope: 'x', iat: inSeconds(-5), nbf: inSeconds(-5) };
    expect(await verify(hs(claims))).toMatchObject({ userId: 'ålice 😀' });
  });

  it('may expire at a fraction of a second, or never within our lifetime', async () => {
    const exp = inSeconds(60);
    expect((await verify(hs({ sub: 'alice', exp: exp + 0.25 }))).tokenExpiresAt).toBe(exp * 1000 + 250);
    const { tokenExpiresAt } = await verify(hs(`{"sub":"alice","exp":1e300}`));
    expect(Number.isSafeInteger(tokenExpiresAt)).toBe(true);
  });

  it.each([
    ['expired', { exp: inSeconds(-1) }],
    ['expiring this very second', { exp: inSeconds(0) }],
    ['not valid yet', { nbf: inSeconds(60) }],
    ['valid from null on', { nbf: null }],
    ['valid from a text on', { nbf: String(inSeconds(-60)) }],
    ['never expiring', { exp: undefined }],
    ['expiring at null', { exp: null }],
    ['expiring at a text', { exp: String(inSeconds(60)) }],
    ['nobody’s', { sub: undefined }],
    ['of an empty user', { sub: '' }],
    ['of a user that is a number', { sub: 7 }],
    ['of several users', { sub: ['alice', 'bob'] }],
    ['of a user with a line break', { sub: 'alice\n' }],
    ['of a user too long', { sub: 'x'.repeat(257) }],
  ])('is refused when it is %s', async (_what, over) => {
    expect(await refusalOf(hs({ ...goodClaims(), ...over }))).not.toBe('');
  });

  it('may begin a little later than now: the clock of its issuer may be ahead', async () => {
    await expect(verify(hs({ ...goodClaims(), nbf: inSeconds(25) }))).resolves.toBeTruthy();
    expect(await refusalOf(hs({ ...goodClaims(), nbf: inSeconds(40) }))).toBe('not active yet');
  });

  it.each([[['b64']], [['exp']], [[]], 'exp', null])(
    'is refused when something in its header is critical: %j',
    async (crit) => {
      expect(await refusalOf(hs(goodClaims(), { header: { crit, b64: false } }))).toBe('crit: expected none');
    },
  );

  it('is refused when its signature is another’s', async () => {
    expect(await refusalOf(hs(goodClaims(), { secret: 'guess' }))).toBe('invalid signature');
  });

  it('is refused when its claims were changed afterwards', async () => {
    const [header, , signature] = hs(goodClaims()).split('.');
    const claims = Buffer.from(JSON.stringify({ ...goodClaims(), sub: 'bob' })).toString('base64url');
    expect(await refusalOf([header, claims, signature].join('.'))).toBe('invalid signature');
  });
});

describe('the algorithm', () => {
  it.each(['none', 'None', 'NONE', 'nOnE', ''])('is never %j', async (alg) => {
    expect(await refusalOf(unsigned(goodClaims(), { alg }))).toMatch(/^algorithm is not HS256/);
    expect(await refusalOf(hs(goodClaims(), { alg }))).toMatch(/^algorithm is not HS256/);
  });

  it('is not another of the same kind', async () => {
    for (const bits of ['384', '512']) {
      const token = hs(goodClaims(), { alg: `HS${bits}`, hash: `sha${bits}` });
      expect(await refusalOf(token)).toBe('algorithm is not HS256');
    }
  });

  it('is HS256 for a secret: an unsigned token that claims it has no signature', async () => {
    expect(await refusalOf(unsigned(goodClaims(), { alg: 'HS256' }))).toBe('jwt signature is required');
  });

  it.each([[['HS256']], [null], [{ toString: 'HS256' }], [undefined]])('is a text, not %j', async (alg) => {
    expect(await refusalOf(hs(goodClaims(), { header: { alg } }))).toMatch(/^algorithm is not HS256/);
  });

  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicKeys: TokenKeys = { algorithms: ['RS256', 'ES256'], find: async () => [publicKey] };

  it('is not HS256 where keys are public: the public key is no secret', async () => {
    for (const format of [
      publicKey.export({ format: 'pem', type: 'spki' }),
      publicKey.export({ format: 'der', type: 'spki' }),
      publicKey.export({ format: 'pem', type: 'pkcs1' }),
    ]) {
      expect(await refusalOf(hs(goodClaims(), { secret: format }), {}, publicKeys)).toBe(
        'algorithm is not RS256 or ES256',
      );
      const disguised = hs(goodClaims(), { secret: format, alg: 'RS256' });
      expect(await refusalOf(disguised, {}, publicKeys)).toBe('invalid signature');
    }
  });

  it('is of the key’s own kind', async () => {
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const ecKeys: TokenKeys = { ...publicKeys, find: async () => [ec.publicKey] };
    await expect(
      createVerifyToken(publicKeys, {})(signed('RS256', privateKey, goodClaims())),
    ).resolves.toMatchObject({ userId: 'alice' });
    expect(await refusalOf(signed('RS256', privateKey, goodClaims()), {}, ecKeys)).not.toBe('');
    expect(await refusalOf(signed('ES256', ec.privateKey, goodClaims()), {}, publicKeys)).not.toBe('');
    const p384 = createPublicKey(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey);
    const otherCurve = { ...publicKeys, find: async () => [p384] };
    expect(await refusalOf(signed('ES256', ec.privateKey, goodClaims()), {}, otherCurve)).not.toBe('');
  });
});

describe('the largest lifetime', () => {
  const hour = { maxLifetimeSeconds: 3600 };

  it.each([
    ['issued now', { iat: inSeconds(0), exp: inSeconds(3600) }],
    ['issued long ago for an hour', { iat: inSeconds(-3500), exp: inSeconds(100) }],
    ['that does not say when it was issued', { exp: inSeconds(3600) }],
    ['whose time of issue is no time', { iat: 'today', exp: inSeconds(3600) }],
  ])('allows a token %s', async (_what, claims) => {
    await expect(verify(hs({ sub: 'alice', ...claims }), hour)).resolves.toBeTruthy();
  });

  it.each([
    ['issued now for longer', { iat: inSeconds(0), exp: inSeconds(3700) }],
    ['issued long ago for longer, though it soon ends', { iat: inSeconds(-3600), exp: inSeconds(100) }],
    ['that does not say when it was issued and ends later', { exp: inSeconds(3700) }],
    ['that says it will be issued later', { iat: inSeconds(7000), exp: inSeconds(7200) }],
    ['that never ends within our lifetime', { exp: 1e300 }],
  ])('refuses a token %s', async (_what, claims) => {
    const token = hs({ sub: 'alice', ...claims });
    expect(await refusalOf(token, hour)).toBe('lives longer than 3600 s');
    await expect(verify(token)).resolves.toBeTruthy();
  });
});

describe('issuer and audience', () => {
  const rules = { issuer: 'https://issuer.example/', audience: 'herald' };

  it('are any when none is demanded', async () => {
    await expect(verify(hs({ ...goodClaims(), iss: 'x', aud: 'y' }))).resolves.toBeTruthy();
  });

  it('are as demanded; the audience may be one of several', async () => {
    for (const aud of ['herald', ['other', 'herald']]) {
      await expect(verify(hs({ ...goodClaims(), iss: rules.issuer, aud }), rules)).resolves.toBeTruthy();
    }
  });

  it.each([
    {},
    { iss: rules.issuer },
    { aud: 'herald' },
    { iss: 'https://issuer.example', aud: 'herald' },
    { iss: rules.issuer, aud: 'heralds' },
    { iss: rules.issuer, aud: [] },
    { iss: rules.issuer, aud: ['other'] },
    { iss: [rules.issuer, 'x'], aud: 'herald' },
    { iss: rules.issuer, aud: { herald: true } },
  ])('are not %j', async (claims) => {
    expect(await refusalOf(hs({ ...goodClaims(), ...claims }), rules)).toMatch(/issuer|audience/);
  });
});

describe('what is no token', () => {
  const half = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url');

  it.each([
    '',
    '.',
    '..',
    'x',
    'a.b',
    'a.b.c',
    'a.b.c.d',
    `${half}.`,
    `${half}..`,
    `${half}`,
    '😀.😀.😀',
    'null',
    ' ',
  ])('is refused as such: %j', async (token) => expect(await refusalOf(token)).toBe('not a JWT'));

  it.each(['not JSON', '', '{"sub":', 'sesame-open'])(
    'is refused as such when its payload is %j',
    async (payload) => {
      expect(await refusalOf(hs(payload))).toBe('not a JWT');
    },
  );

  it.each(['null', '7', '[]', '"alice"', 'true'])(
    'is refused when its signed payload is %s',
    async (payload) => {
      expect(await refusalOf(hs(payload))).not.toBe('');
      expect(await refusalOf(hs(payload, { header: { typ: 'other' } }))).not.toBe('');
    },
  );

  it('is refused with a TokenError and nothing else, which never quotes it', async () => {
    const header = fc.oneof(
      fc.constant({ alg: 'HS256', typ: 'JWT' }),
      fc.record({
        alg: fc.constantFrom('HS256', 'none', 7, null),
        typ: fc.constantFrom('JWT', 'x', null),
        kid: fc.jsonValue(),
      }),
      fc.jsonValue(),
    );
    const secretText = fc.string({ minLength: 8, unit: fc.constantFrom(...'ABCDEFGHabcdefgh') });
    const payload = fc.oneof(
      secretText,
      secretText.map((text) => `{"sub":"${text}","exp":`),
      secretText.map((text) => JSON.stringify({ sub: text, exp: 1 })),
      secretText.map((text) =>
        JSON.stringify({ sub: { text }, exp: inSeconds(60), aud: text, iss: text, nbf: text }),
      ),
    );
    const token = fc.oneof(
      fc.string({ minLength: 8 }),
      fc
        .tuple(header, payload, secretText)
        .map(
          ([head, body, signature]) =>
            [JSON.stringify(head), body].map((part) => Buffer.from(part).toString('base64url')).join('.') +
            `.${signature}`,
        ),
      fc.tuple(payload, fc.constantFrom(SECRET, 'guess')).map(([body, secret]) => hs(body, { secret })),
    );
    await fc.assert(
      fc.asyncProperty(token, async (bad) => {
        const message = await refusalOf(bad);
        for (const part of [bad, ...bad.split('.').filter((text) => text.length > 7)]) {
          expect(message).not.toContain(part);
          expect(message).not.toMatch(/[ABCDEFGHabcdefgh]{8}/);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('keys', () => {
  it('that cannot be had are no fault of the token', async () => {
    const down: TokenKeys = { algorithms: ['HS256'], find: async () => Promise.reject(new Error('down')) };
    const failure = createVerifyToken(down, {})(hs(goodClaims()));
    await expect(failure).rejects.toThrow('down');
    await expect(failure).rejects.not.toBeInstanceOf(TokenError);
  });

  it('are not asked for when the algorithm is wrong already', async () => {
    const asked: unknown[] = [];
    const counting: TokenKeys = {
      algorithms: ['HS256'],
      find: async (kid) => {
        asked.push(kid);
        return [createSecretKey(SECRET, 'utf8')];
      },
    };
    await refusalOf(unsigned(goodClaims()), {}, counting);
    expect(asked).toEqual([]);
    await createVerifyToken(counting, {})(hs(goodClaims(), { header: { kid: 'k' } }));
    expect(asked).toEqual(['k']);
  });

  it('that are unknown make the token a bad one', async () => {
    const none: TokenKeys = { algorithms: ['HS256'], find: async () => [] };
    expect(await refusalOf(hs(goodClaims()), {}, none)).toBe('signed with an unknown key');
  });
});

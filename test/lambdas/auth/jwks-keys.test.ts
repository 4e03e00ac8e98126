/** Tokens of an issuer that publishes its keys, against a real server of such keys. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jwksKeys } from '../../../lambdas/auth/jwks-keys.ts';
import { createVerifyToken, TokenError } from '../../../lambdas/auth/verify-token.ts';
import { goodClaims, hs, signed } from '../../support/tokens.ts';

interface Pair {
  privateKey: KeyObject;
  publicKey: KeyObject;
}

const rsa: Pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const otherRsa: Pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec: Pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const jwk = ({ publicKey }: Pair, kid?: string, over: object = {}) => ({
  ...publicKey.export({ format: 'jwk' }),
  ...(kid && { kid }),
  use: 'sig',
  ...over,
});

/** What the server answers: a status and a body. */
let published: { status: number; body: string };
let requests: number;
let server: Server;
let url: string;

const publish = (...keys: object[]) => {
  published = { status: 200, body: JSON.stringify({ keys }) };
};

beforeEach(async () => {
  requests = 0;
  publish(jwk(rsa, 'r'), jwk(ec, 'e'));
  server = createServer((_request, response) => {
    requests += 1;
    response.writeHead(published.status, { 'content-type': 'application/json' }).end(published.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys?v=1`;
});

const stop = async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
};
afterEach(stop);

const verifier = () => createVerifyToken(jwksKeys(url), {});
const rs = (kid?: string, pair = rsa) => signed('RS256', pair.privateKey, goodClaims(), kid ? { kid } : {});
const es = (kid?: string) => signed('ES256', ec.privateKey, goodClaims(), kid ? { kid } : {});

async function failureOf(outcome: Promise<unknown>): Promise<Error> {
  const reason = await outcome.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (reason instanceof Error) return reason;
  throw new Error('did not fail with an Error');
}

describe('with the published keys', () => {
  it('RS256 and ES256 tokens are verified, and all keys fetched at once', async () => {
    const verify = verifier();
    for (const token of [rs('r'), es('e'), rs('r'), es('e')]) {
      expect(await verify(token)).toMatchObject({ userId: 'alice' });
    }
    expect(requests).toBe(1);
  });

  it('connects that come at once fetch a key once', async () => {
    const verify = verifier();
    await Promise.all(Array.from({ length: 20 }, () => verify(rs('r'))));
    expect(requests).toBe(1);
  });

  it('a token signed with another key is refused, whatever key it names', async () => {
    const verify = verifier();
    expect(await failureOf(verify(rs('r', otherRsa)))).toBeInstanceOf(TokenError);
    expect(await failureOf(verify(rs('e')))).toBeInstanceOf(TokenError);
  });

  it('a token that names an unknown key is refused', async () => {
    const error = await failureOf(verifier()(rs('unknown')));
    expect(error).toBeInstanceOf(TokenError);
    expect(error.message).toBe('signed with an unknown key');
  });

  it.each(['__proto__', 'constructor', ''])('a token that names a key %j is refused', async (kid) => {
    const token = signed('RS256', rsa.privateKey, goodClaims(), { kid });
    expect(await failureOf(verifier()(token))).toBeInstanceOf(TokenError);
  });

  it.each([7, null, {}, ['r'], true])('a token that names a key by %j is refused', async (kid) => {
    const token = signed('RS256', rsa.privateKey, goodClaims(), { kid });
    expect(await failureOf(verifier()(token))).toBeInstanceOf(TokenError);
  });

  it('a token that names no key is refused if there are several, and verified if there is one', async () => {
    expect(await failureOf(verifier()(rs()))).toBeInstanceOf(TokenError);
    publish(jwk(rsa, 'r'));
    expect(await verifier()(rs())).toMatchObject({ userId: 'alice' });
  });

  it('HS256 with the public key as the secret is refused before any key is fetched', async () => {
    const secret = rsa.publicKey.export({ format: 'pem', type: 'spki' });
    expect(await failureOf(verifier()(hs(goodClaims(), { secret, header: { kid: 'r' } })))).toBeInstanceOf(
      TokenError,
    );
    expect(requests).toBe(0);
  });

  const ec2: Pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const weak: Pair = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const p384: Pair = generateKeyPairSync('ec', { namedCurve: 'P-384' });

  it.each<[string, object]>([
    ['means for another algorithm', jwk(rsa, 'k', { alg: 'PS256' })],
    ['means for a longer hash', jwk(rsa, 'k', { alg: 'RS512' })],
    ['means for encryption', jwk(rsa, 'k', { use: 'enc' })],
    ['means for an algorithm of encryption', jwk(rsa, 'k', { alg: 'RSA-OAEP' })],
    ['means for signing alone', jwk(rsa, 'k', { key_ops: ['sign'] })],
    ['means for nothing', jwk(rsa, 'k', { key_ops: [] })],
    ['describes by a text', jwk(rsa, 'k', { key_ops: 'verify' })],
    ['made too short', jwk(weak, 'k')],
    ['made on another curve', jwk(p384, 'k')],
    ['did not finish', jwk(rsa, 'k', { n: undefined })],
  ])('a key that its issuer %s verifies nothing, and the others go on', async (_what, key) => {
    publish(key, jwk(ec, 'e'));
    const verify = verifier();
    for (const pair of [rsa, weak]) {
      expect((await failureOf(verify(rs('k', pair)))).message).toBe('signed with an unknown key');
    }
    expect(await verify(es('e'))).toMatchObject({ userId: 'alice' });
  });

  it('a set of nothing but such keys is the issuer’s fault, and says what is expected', async () => {
    publish(jwk(weak, 'k'), jwk(p384, 'l'));
    const error = await failureOf(verifier()(rs('k', weak)));
    expect(error).not.toBeInstanceOf(TokenError);
    expect(error.message).toMatch(/holds no key that verifies RS256 \(RSA of at least 2048 bits\)/);
  });

  it.each([{ alg: 'RS256' }, { key_ops: ['verify'] }, { use: undefined }, { key_ops: ['verify', 'sign'] }])(
    'a key that is meant for it verifies: %j',
    async (over) => {
      publish(jwk(rsa, 'r', over), jwk(ec, 'e'));
      expect(await verifier()(rs('r'))).toMatchObject({ userId: 'alice' });
    },
  );

  it('several keys of one id are all tried, whatever their order and kind', async () => {
    const keys = [jwk(otherRsa, 'k'), jwk(ec2, 'k'), jwk(rsa, 'k'), jwk(ec, 'k')];
    for (const order of [keys, keys.toReversed()]) {
      publish(...order);
      const verify = verifier();
      for (const token of [rs('k'), rs('k', otherRsa), es('k')]) {
        expect(await verify(token)).toMatchObject({ userId: 'alice' });
      }
    }
  });

  it('keys for encryption verify nothing', async () => {
    publish(jwk(rsa, 'r', { use: 'enc' }), jwk(ec, 'e'));
    expect(await failureOf(verifier()(rs('r')))).toBeInstanceOf(TokenError);
  });
});

describe('when the issuer changes its keys', () => {
  it('a new key is found at its first use', async () => {
    const verify = verifier();
    await verify(rs('r'));
    publish(jwk(rsa, 'r'), jwk(otherRsa, 'new'));
    expect(await verify(rs('new', otherRsa))).toMatchObject({ userId: 'alice' });
  });

  it('a key that was unknown before is looked for again', async () => {
    const verify = verifier();
    await failureOf(verify(rs('new', otherRsa)));
    publish(jwk(otherRsa, 'new'));
    expect(await verify(rs('new', otherRsa))).toMatchObject({ userId: 'alice' });
  });
});

describe('when the keys cannot be had', () => {
  const notTheClients = async (outcome: Promise<unknown>) =>
    expect(await failureOf(outcome)).not.toBeInstanceOf(TokenError);

  it('it is not the client’s fault, but for keys it already has', async () => {
    const verify = verifier();
    await verify(rs('r'));
    await stop();
    expect(await verify(rs('r'))).toMatchObject({ userId: 'alice' });
    expect(await verify(es('e'))).toMatchObject({ userId: 'alice' });
    await notTheClients(verify(rs('new')));
  });

  it.each([
    ['fails', { status: 503, body: 'busy' }],
    ['is not there', { status: 404, body: '' }],
    ['answers no JSON', { status: 200, body: '<html>' }],
    ['answers nothing', { status: 200, body: '' }],
    ['answers no keys', { status: 200, body: '{"keys":[]}' }],
    ['answers null', { status: 200, body: 'null' }],
  ])('because the server %s, it is not the client’s fault', async (_how, answer) => {
    published = answer;
    await notTheClients(verifier()(rs('r')));
  });

  it('because the answer breaks off, it is not the client’s fault', async () => {
    server.removeAllListeners('request');
    server.on('request', (_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"keys":[', () => response.destroy());
    });
    await notTheClients(verifier()(rs('r')));
  });

  /** The server begins an answer of 200 and goes on as `rest` says. */
  const answerSlowly = (rest: (response: ServerResponse) => void) => {
    server.removeAllListeners('request');
    server.on('request', (_request, response) => {
      response.writeHead(200).write('{"keys":["made-up', () => rest(response));
    });
  };

  it('because the answer does not end in time, it is not the client’s fault', async () => {
    answerSlowly(() => {});
    await notTheClients(createVerifyToken(jwksKeys(url, Date.now, 200), {})(rs('r')));
  });

  it('because the answer does not end at all, it is not the client’s fault, and no more of it is read', async () => {
    const closed = Promise.withResolvers<void>();
    answerSlowly((response) => {
      response.once('close', () => closed.resolve());
      const pour = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', pour);
      pour();
    });
    await notTheClients(verifier()(rs('r')));
    await closed.promise;
  });

  it('because the server sends us elsewhere, it is not the client’s fault', async () => {
    server.removeAllListeners('request');
    server.on('request', (_request, response) => {
      requests += 1;
      response.writeHead(302, { location: url }).end();
    });
    await notTheClients(verifier()(rs('r')));
    expect(requests).toBe(1);
  });

  it('the error does not quote what came', async () => {
    published = { status: 200, body: 'made-up <html>' };
    const error = await failureOf(verifier()(rs('r')));
    expect(inspect(error, { depth: 10 })).not.toContain('made-up');
  });

  it('it works again as soon as they can', async () => {
    const verify = verifier();
    published = { status: 503, body: '' };
    await notTheClients(verify(rs('r')));
    publish(jwk(rsa, 'r'));
    expect(await verify(rs('r'))).toMatchObject({ userId: 'alice' });
  });

  it('for longer than they are kept, those fetched last stand', async () => {
    let now = 1_000_000;
    const verify = createVerifyToken(
      jwksKeys(url, () => now),
      {},
    );
    await verify(rs('r'));
    published = { status: 503, body: '' };
    now += 24 * 3_600_000;
    expect(await verify(rs('r'))).toMatchObject({ userId: 'alice' });
    expect(requests).toBe(2);
  });
});

describe('tokens that name keys which do not exist', () => {
  it('cause a few fetches, then one in ten seconds, and take no key from anybody', async () => {
    let now = 1_000_000;
    const verify = createVerifyToken(
      jwksKeys(url, () => now),
      {},
    );
    const flood = async () => {
      for (let index = 0; index < 100; index++) {
        expect(await failureOf(verify(rs(`made-up-${index}`)))).toBeInstanceOf(TokenError);
      }
    };
    await flood();
    expect(requests).toBe(5);
    expect(await verify(rs('r'))).toMatchObject({ userId: 'alice' });
    expect(await verify(es('e'))).toMatchObject({ userId: 'alice' });

    publish(jwk(rsa, 'r'), jwk(otherRsa, 'new'));
    now += 10_000;
    await flood();
    expect(requests).toBe(6);
    expect(await verify(rs('new', otherRsa))).toMatchObject({ userId: 'alice' });
  });
});

/** Who may connect, what the other routes are told about it, and what stays out of the logs. */
import { describe, expect, it } from 'vitest';
import { secretKeys } from '../../../lambdas/auth/keys.ts';
import { createVerifyToken } from '../../../lambdas/auth/verify-token.ts';
import { createAuthorizerHandler } from '../../../lambdas/handlers/authorizer.ts';
import type { AuthorizerEvent } from '../../../lambdas/handlers/events.ts';
import { createMemoryLogger } from '../../support/memory-logger.ts';
import { goodClaims, hs, inSeconds, SECRET } from '../../support/tokens.ts';

const METHOD_ARN = 'arn:aws:execute-api:us-east-1:123456789012:abc123/prod/$connect';
const verify = createVerifyToken(
  secretKeys(async () => SECRET),
  {},
);

const event = (
  headers?: Record<string, string>,
  queryStringParameters?: Record<string, string>,
): AuthorizerEvent => ({
  type: 'REQUEST',
  methodArn: METHOD_ARN,
  ...(headers && { headers }),
  ...(queryStringParameters && { queryStringParameters }),
});

function anAuthorizer(allowedOrigins?: string[], verifyToken = verify) {
  const logger = createMemoryLogger();
  return { logger, authorize: createAuthorizerHandler({ verify: verifyToken, allowedOrigins, logger }) };
}

const bearer = (token: string, headers: Record<string, string> = {}) => ({
  Authorization: `Bearer ${token}`,
  ...headers,
});

describe('a client with a good token', () => {
  it('is allowed on exactly the route it asked for', async () => {
    const { principalId, policyDocument } = await anAuthorizer().authorize(event(bearer(hs(goodClaims()))));
    expect(principalId).toBe('alice');
    expect(policyDocument).toEqual({
      Version: '2012-10-17',
      Statement: [{ Action: 'execute-api:Invoke', Effect: 'Allow', Resource: METHOD_ARN }],
    });
  });

  it('is told to the other routes with everything they need', async () => {
    const exp = inSeconds(60);
    const headers = bearer(hs({ sub: 'alice', exp }), { 'Sec-WebSocket-Protocol': 'herald.v1' });
    const { context } = await anAuthorizer().authorize(event(headers, { deviceId: 'phone', ack: 'client' }));
    expect(context).toStrictEqual({
      userId: 'alice',
      deviceId: 'phone',
      ackMode: 'client',
      tokenExpiresAt: String(exp * 1000),
      subprotocol: 'herald.v1',
    });
  });

  it.each<[string, AuthorizerEvent]>([
    ['header', event(bearer(hs(goodClaims())))],
    ['sub-protocol', event({ 'Sec-WebSocket-Protocol': `herald.v1, bearer.${hs(goodClaims())}` })],
    ['query', event(undefined, { token: hs(goodClaims()) })],
  ])('may bring it by %s; every value of its context is a text, none undefined', async (_where, request) => {
    const result = await anAuthorizer().authorize(request);
    expect(Object.values(result.context).every((value) => typeof value === 'string')).toBe(true);
    expect(JSON.parse(JSON.stringify(result))).toStrictEqual(result);
    expect(JSON.stringify(result)).not.toContain('eyJ');
  });

  it('is let through with a bad device id or ack mode, which $connect answers with a 400', async () => {
    const headers = bearer(hs(goodClaims()), { 'X-Device-Id': 'my phone' });
    const { context, policyDocument } = await anAuthorizer().authorize(event(headers));
    expect(policyDocument.Statement[0].Effect).toBe('Allow');
    expect(context.badRequest).toMatch(/^deviceId: expected/);
    expect(context).not.toHaveProperty('deviceId');
    const other = await anAuthorizer().authorize(event(bearer(hs(goodClaims())), { ack: 'never' }));
    expect(other.context.badRequest).toBe('ack: expected auto or client');
  });
});

describe('a client without one', () => {
  it.each<[string, AuthorizerEvent]>([
    ['no token', event()],
    ['an empty one', event(bearer(''), { token: '' })],
    ['garbage', event(bearer('garbage'))],
    ['one that is expired', event(bearer(hs({ sub: 'alice', exp: inSeconds(-1) })))],
    ['a forged one', event(bearer(hs(goodClaims(), { secret: 'guess' })))],
    ['one whose payload is no JSON', event(bearer(hs('sesame')))],
    ['a bad one first and a good one after it', event(bearer('garbage'), { token: hs(goodClaims()) })],
    ['a bad one and a bad device id', event(bearer('garbage', { 'X-Device-Id': 'my phone' }))],
  ])('is answered 401: %s', async (_what, request) => {
    await expect(anAuthorizer().authorize(request)).rejects.toThrow(/^Unauthorized$/);
  });

  it('finds no trace of its token in the logs', async () => {
    const { authorize, logger } = anAuthorizer();
    const tokens = [
      'sesame-open-sesame',
      hs('sesame-open-sesame'),
      hs({ sub: 'sesame' }),
      hs(goodClaims(), { secret: 'x' }),
    ];
    for (const token of tokens) await authorize(event(bearer(token))).catch(() => undefined);
    const logged = JSON.stringify(logger.entries);
    expect(logger.entries).toHaveLength(tokens.length);
    for (const part of tokens.flatMap((token) => token.split('.'))) expect(logged).not.toContain(part);
    expect(logged).not.toContain('sesame');
  });

  it('is not blamed when the keys cannot be had', async () => {
    const { authorize } = anAuthorizer(undefined, async () => Promise.reject(new Error('keys unreachable')));
    await expect(authorize(event(bearer('a.b.c')))).rejects.toThrow('keys unreachable');
  });
});

describe('the page a client comes from', () => {
  const from = async (origin: string | undefined, allowed: string[] | undefined) => {
    const headers = bearer(hs(goodClaims()), origin === undefined ? {} : { Origin: origin });
    const { policyDocument } = await anAuthorizer(allowed).authorize(event(headers));
    return policyDocument.Statement[0];
  };

  it.each([
    ['any, when none is set', 'https://evil.example', undefined],
    ['one of those set', 'https://b.example', ['https://a.example', 'https://b.example']],
    ['none: not a browser', undefined, ['https://a.example']],
  ])('may be %s', async (_which, origin, allowed) => {
    expect(await from(origin, allowed)).toMatchObject({ Effect: 'Allow', Resource: METHOD_ARN });
  });

  it.each([
    'https://evil.example',
    'https://a.example.evil.example',
    'http://a.example',
    'https://a.example:8443',
    'https://a.example/',
    'null',
    '',
  ])('may not be another: %j', async (origin) => {
    expect(await from(origin, ['https://a.example'])).toMatchObject({ Effect: 'Deny', Resource: METHOD_ARN });
  });

  it('does not help a bad token', async () => {
    const request = event(bearer('garbage', { Origin: 'https://evil.example' }));
    await expect(anAuthorizer(['https://a.example']).authorize(request)).rejects.toThrow(/^Unauthorized$/);
  });
});

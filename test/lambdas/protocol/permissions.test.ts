/** What a token lets its user do, and what the claim may hold. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVERYONE, topicChannel, userChannel } from '../../../lambdas/protocol/channel.ts';
import {
  allows,
  NO_PERMISSIONS,
  PermissionsError,
  parsePermissions,
} from '../../../lambdas/protocol/permissions.ts';

/** Why a claim is refused. */
function refusalOf(claim: unknown): string {
  try {
    parsePermissions(claim);
  } catch (error) {
    if (error instanceof PermissionsError) return error.message;
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(claim)}`);
}

describe('the claim of a token', () => {
  it('permits nothing where there is none', () => {
    expect(parsePermissions(undefined)).toEqual(NO_PERMISSIONS);
    expect(parsePermissions({})).toEqual(NO_PERMISSIONS);
  });

  it('permits to subscribe and to publish, each by its own patterns', () => {
    const claim = { subscribe: ['topic:orders.*', 'topic:news'], publish: ['topic:team.7', 'user:alice'] };
    expect(parsePermissions(claim)).toEqual(claim);
    expect(parsePermissions({ publish: ['*'] })).toEqual({ subscribe: [], publish: ['*'] });
  });

  it.each([
    'everyone',
    '*',
    'topic:*',
    'user:*',
    't*',
    'user:müller@example.com/',
    'user:grün*',
    'topic:a:b.*',
  ])('may hold the pattern %j', (pattern) =>
    expect(parsePermissions({ subscribe: [pattern] }).subscribe).toEqual([pattern]),
  );

  it.each([
    '',
    'news',
    'topic:',
    'topic:a b',
    'topic:*.news',
    'topic:a*b',
    'topic:**',
    'topic:a*b*',
    'topic:a\n*',
    'user:\ud83d*',
    7,
    null,
    ['topic:news'],
    { topic: 'news' },
  ])('may not hold the pattern %j', (pattern) => {
    expect(refusalOf({ subscribe: ['topic:news', pattern] })).toMatch(/^subscribe\[1\]: expected /);
    expect(refusalOf({ publish: [pattern] })).toMatch(/^publish\[0\]: expected /);
  });

  it.each([null, 'topic:news', 7, true, ['topic:news']])('is an object, not %j', (claim) => {
    expect(refusalOf(claim)).toMatch(/^expected /);
  });

  it.each([null, 'topic:news', 7, true, { 0: 'topic:news', length: 1 }])('has lists, not %j', (list) => {
    expect(refusalOf({ subscribe: list })).toBe('subscribe: expected a list of patterns');
    expect(refusalOf({ publish: list })).toBe('publish: expected a list of patterns');
  });

  it('has no other fields: one that is misspelt would permit nothing, in silence', () => {
    expect(refusalOf({ subscribes: ['topic:news'] })).toMatch(/^subscribes: unknown field, /);
    expect(refusalOf(JSON.parse('{"__proto__":["topic:news"]}'))).toMatch(/^__proto__: unknown field/);
    expect(refusalOf({ ['x'.repeat(1000)]: 1 }).length).toBeLessThan(300);
  });

  it('is at most 4 KB as JSON, in bytes', () => {
    const claimOf = (bytes: number) => {
      const empty = JSON.stringify({ subscribe: ['user:*'] }).length;
      const room = bytes - empty;
      return { subscribe: [`user:${'é'.repeat(Math.floor(room / 2))}${'x'.repeat(room % 2)}*`] };
    };
    expect(Buffer.byteLength(JSON.stringify(claimOf(4096)))).toBe(4096);
    expect(() => parsePermissions(claimOf(4096))).not.toThrow();
    expect(refusalOf(claimOf(4097))).toBe('expected at most 4096 bytes as JSON');
  });

  it('is refused with its reason and with nothing else, whatever it is', () => {
    const pattern = fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue(), fc.constant('topic:a*'));
    const claim = fc.oneof(
      fc.jsonValue(),
      fc.record({ subscribe: fc.array(pattern), publish: fc.oneof(fc.jsonValue(), fc.array(pattern)) }),
    );
    const property = fc.property(claim, (one) => {
      try {
        parsePermissions(one);
      } catch (error) {
        expect(error).toBeInstanceOf(PermissionsError);
      }
    });
    fc.assert(property, { numRuns: 500 });
  });
});

describe('a pattern', () => {
  const orders = topicChannel('orders.7');

  it.each([
    ['topic:orders.7', true],
    ['topic:orders.*', true],
    ['topic:orders.7*', true],
    ['topic:*', true],
    ['*', true],
    ['topic:orders', false],
    ['topic:orders.', false],
    ['topic:orders.77', false],
    ['topic:orders.77*', false],
    ['topic:Orders.*', false],
    ['user:*', false],
    ['everyone', false],
  ])('%j allows topic:orders.7: %s', (pattern, expected) => {
    expect(allows([pattern], orders)).toBe(expected);
    expect(allows(['topic:other', pattern], orders)).toBe(expected);
  });

  it('means the characters that it holds, and no others', () => {
    expect(allows(['topic:orders.7'], topicChannel('ordersx7'))).toBe(false);
    expect(allows(['user:a.c*'], userChannel('abc'))).toBe(false);
    // A user whose id ends in a star cannot be named alone.
    expect(allows(['user:a*'], userChannel('a*'))).toBe(true);
  });

  it('is of users and of everyone, too', () => {
    expect(allows(['user:alice'], userChannel('alice'))).toBe(true);
    expect(allows(['user:alice'], userChannel('alice2'))).toBe(false);
    expect(allows(['everyone'], EVERYONE)).toBe(true);
    expect(allows([], EVERYONE)).toBe(false);
  });
});

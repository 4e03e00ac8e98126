/** Every user can be named in a path, each in one form that nothing along the way changes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUserId } from '../../../lambdas/protocol/names.ts';
import { parseUserPath, userPath } from '../../../lambdas/protocol/user-path.ts';

const userIds = fc.string({ unit: 'binary', minLength: 1, maxLength: 64 }).filter(isUserId);

describe('a user id in a path', () => {
  it.each(['alice', 'a.b_c:d', 'alice@example.com', 'a+b,c=d-e', '...', '9'])('%s stands as it is', (id) => {
    expect([userPath(id), parseUserPath(id)]).toEqual([id, id]);
  });

  it.each([
    ['müller/', '~bcO8bGxlci8'],
    ['alice/connections?', '~YWxpY2UvY29ubmVjdGlvbnM_'],
    ['~alice', '~fmFsaWNl'],
    ['a b', '~YSBi'],
    ['100%', '~MTAwJQ'],
    ['.', '~Lg'],
    ['..', '~Li4'],
    ['\uFEFFa', '~77u_YQ'],
  ])('%j stands as %s', (id, segment) => {
    expect([userPath(id), parseUserPath(segment)]).toEqual([segment, id]);
  });

  it('may stand as base64url though it could be plain', () => {
    expect(parseUserPath('~YWxpY2U')).toBe('alice');
  });

  it('comes back whatever it is, and means the same to every URL parser and to who decodes it first', () => {
    const property = fc.property(userIds, (id) => {
      const segment = userPath(id);
      const { pathname, search, hash } = new URL(`https://api.example/users/${segment}/messages`);
      expect([pathname, search, hash]).toEqual([`/users/${segment}/messages`, '', '']);
      expect(parseUserPath(decodeURIComponent(segment))).toBe(id);
    });
    fc.assert(property, { numRuns: 1000 });
  });

  it.each([
    ['nothing', ''],
    ['nothing encoded', '~'],
    ['what is neither plain nor encoded', 'a b'],
    ['another alphabet', 'müller'],
    ['a separator', 'a/b'],
    ['padding', '~YQ=='],
    ['base64 of the other alphabet', '~YWxpY2UvY29ubmVjdGlvbnM/'],
    ['bits that are left over', '~YR'],
    ['a length that cannot be', '~YWxpY'],
    ['white space, which `atob` skips', '~YW xp Y2U'],
    ['bytes that are no UTF-8', '~_w'],
    ['an overlong form', '~wIA'],
    ['a surrogate', '~7aC9'],
    ['a control character', '~YQpi'],
    ['257 bytes', `~${Buffer.from('x'.repeat(257)).toString('base64url')}`],
    ['257 letters', 'x'.repeat(257)],
    ['no segment', undefined],
  ])('is not %s', (_what, segment) => {
    expect(parseUserPath(segment)).toBeUndefined();
  });
});

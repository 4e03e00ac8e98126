/** What every store of members guarantees. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Member } from '../../../../lambdas/domain/model.ts';
import type { MemberStore } from '../../../../lambdas/domain/ports/member-store.ts';
import { START } from './harness.ts';

export function memberStoreContract(create: () => MemberStore): void {
  let store: MemberStore;
  let topic: string;

  beforeEach(() => {
    store = create();
    topic = `news-${randomUUID()}`;
  });

  const memberOf = (fields: Partial<Member> = {}): Member => ({
    userId: 'alice',
    topic,
    joinedAt: START,
    joined: { epoch: 'epoch-1', seq: 7 },
    ...fields,
  });

  describe('a member', () => {
    it('is found as it was added', async () => {
      const member = memberOf();
      expect(await store.add(member)).toEqual(member);
      expect(await store.find('alice', topic)).toEqual(member);
    });

    it('joined when it first did, however often it is added', async () => {
      const member = memberOf();
      await store.add(member);
      const again = memberOf({ joinedAt: START + 9, joined: { epoch: 'epoch-1', seq: 9 } });
      expect(await store.add(again)).toEqual(member);
      expect(await store.find('alice', topic)).toEqual(member);
    });

    it('is one for all who add it at once', async () => {
      const added = await Promise.all(
        [1, 2, 3, 4].map((at) => store.add(memberOf({ joinedAt: START + at }))),
      );
      expect(new Set(added.map(({ joinedAt }) => joinedAt)).size).toBe(1);
    });

    it('is none from when it was removed, and joins anew', async () => {
      await store.add(memberOf());
      expect(await store.remove('alice', topic)).toBe(true);
      expect(await store.find('alice', topic)).toBeUndefined();
      expect(await store.remove('alice', topic)).toBe(false);
      const again = memberOf({ joinedAt: START + 9, joined: { epoch: 'epoch-1', seq: 9 } });
      expect(await store.add(again)).toEqual(again);
    });

    it('may have any user id', async () => {
      const member = memberOf({ userId: `${'🌱'.repeat(55)}${randomUUID()}` });
      await store.add(member);
      expect(await store.find(member.userId, topic)).toEqual(member);
    });
  });

  it('lists the topics of a user, and of no other', async () => {
    const userId = `user-${randomUUID()}`;
    const mine = ['a', 'b', 'c'].map((name) => memberOf({ userId, topic: `${topic}-${name}` }));
    for (const member of [...mine, memberOf({ userId: `${userId}2` })]) await store.add(member);
    expect(await store.topicsOf(userId)).toEqual(mine);
    expect(await store.topicsOf(`${userId}3`)).toEqual([]);
  });

  describe('the members of a topic', () => {
    it('are none where nobody joined', async () => {
      expect(await store.page(topic, 10, undefined)).toEqual({ members: [], next: undefined });
    });

    it('are read page by page, in the order of their ids, each once', async () => {
      const ids = Array.from({ length: 11 }, (_none, index) => `user-${index + 10}`);
      for (const userId of ids.toReversed()) await store.add(memberOf({ userId }));
      await store.add(memberOf({ userId: 'user-10', topic: `${topic}2` }));
      const read: Member[] = [];
      let after: string | undefined;
      do {
        const page = await store.page(topic, 4, after);
        expect(page.members.length).toBeLessThanOrEqual(4);
        read.push(...page.members);
        after = page.next;
      } while (after !== undefined);
      expect(read).toEqual(ids.map((userId) => memberOf({ userId })));
    });

    it('go on after one that has left meanwhile', async () => {
      for (const userId of ['a', 'b', 'c']) await store.add(memberOf({ userId }));
      const { next } = await store.page(topic, 1, undefined);
      await store.remove('a', topic);
      expect((await store.page(topic, 9, next)).members.map(({ userId }) => userId)).toEqual(['b', 'c']);
    });
  });
}

/** Whom topics belong to, in memory. */
import type { Member } from '../../lambdas/domain/model.ts';
import type { MemberStore } from '../../lambdas/domain/ports/member-store.ts';
import { createMemoryTables, idOf, type MemoryTables } from './memory-tables.ts';

export function createMemoryMemberStore(tables: MemoryTables = createMemoryTables()): MemberStore {
  const { members } = tables;
  return {
    async find(userId, topic) {
      const member = members.get(idOf(userId, topic));
      return member && copyOf(member);
    },

    async add(member) {
      const id = idOf(member.userId, member.topic);
      const standing = members.get(id) ?? copyOf(member);
      members.set(id, standing);
      return copyOf(standing);
    },

    async remove(userId, topic) {
      return members.delete(idOf(userId, topic));
    },

    async topicsOf(userId) {
      return [...members.values()]
        .filter((member) => member.userId === userId)
        .sort((one, other) => (one.topic < other.topic ? -1 : 1))
        .map(copyOf);
    },

    async page(topic, limit, after) {
      const rest = [...members.values()]
        .filter((member) => member.topic === topic && (after === undefined || member.userId > after))
        .sort((one, other) => (one.userId < other.userId ? -1 : 1));
      const page = rest.slice(0, limit).map(copyOf);
      return { members: page, next: rest.length > limit ? page.at(-1)?.userId : undefined };
    },
  };
}

const copyOf = (member: Member): Member => ({ ...member, joined: { ...member.joined } });

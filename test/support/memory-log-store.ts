/** The channels' logs in memory. Its appends are never half visible and never in doubt. */
import type { ConnectionKey, Head, Message, Position } from '../../lambdas/domain/model.ts';
import type { IdempotencyKey, LogStore } from '../../lambdas/domain/ports/log-store.ts';

export interface MemoryLogStore extends LogStore {
  /** Deletes a row, as DynamoDB's TTL does at some time after it expired. Row 0 is the head. */
  drop(channel: string, seq: number): void;
  /** Returns how many there were. */
  removeRows(channel: string, kind: 'messages' | 'publishes', limit: number): number;
  /** Returns whether it stood there. */
  removeHead(channel: string, head: Head): boolean;
}

interface Channel {
  head: Head | undefined;
  messages: Map<number, Message>;
  publishes: Map<string, IdempotencyKey & Position>;
}

export function createMemoryLogStore(
  pageLimit = 1000,
  isOpen: (key: ConnectionKey) => boolean = () => true,
): MemoryLogStore {
  const channels = new Map<string, Channel>();
  const open = (name: string): Channel => {
    const channel = channels.get(name) ?? { head: undefined, messages: new Map(), publishes: new Map() };
    channels.set(name, channel);
    return channel;
  };

  return {
    async head(name) {
      const head = channels.get(name)?.head;
      return head && { ...head };
    },

    async heads(names) {
      const heads = names.map((name) => [name, channels.get(name)?.head] as const);
      return new Map(heads.flatMap(([name, head]) => (head ? [[name, { ...head }] as const] : [])));
    },

    async create(name, first, by) {
      const channel = open(name);
      if (by && !isOpen(by)) return undefined;
      channel.head ??= { ...first };
      return { ...channel.head };
    },

    async append({ channel: name, expected, next, message, idempotency, withdraws, now }) {
      const channel = open(name);
      const known = idempotency && channel.publishes.get(idempotency.key);
      if (known && known.expiresAt > now && known.epoch === next.epoch) {
        const samePayload = known.payload === idempotency.payload;
        return { outcome: 'duplicate', seq: known.seq, samePayload };
      }
      if (!isHead(channel.head, expected) || channel.messages.has(next.seq)) return { outcome: 'lost_race' };
      const standing = withdraws && channel.messages.get(withdraws.seq);
      if (withdraws && (standing?.id !== withdraws.id || standing.withdrawnBy !== undefined))
        return { outcome: 'not_kept' };
      channel.head = { ...next };
      channel.messages.set(message.seq, { ...message });
      if (withdraws) channel.messages.set(withdraws.seq, { ...withdraws });
      if (idempotency)
        channel.publishes.set(idempotency.key, { ...idempotency, epoch: next.epoch, seq: next.seq });
      return { outcome: 'appended', head: { ...next } };
    },

    async query(name, after, through) {
      const { messages } = open(name);
      const found: Message[] = [];
      for (let seq = after + 1; seq <= through; seq++) {
        const message = messages.get(seq);
        if (message) found.push({ ...message });
        if (found.length === pageLimit) return { messages: found, through: seq };
      }
      return { messages: found, through };
    },

    async queryBack(name, after, through, limit) {
      const found = [...open(name).messages.values()]
        .filter(({ seq }) => seq > after && seq <= through)
        .sort((one, other) => other.seq - one.seq);
      const page = found.slice(0, Math.min(limit, pageLimit)).map((message) => ({ ...message }));
      const last = page.length < found.length ? page.at(-1) : undefined;
      return { messages: page, from: last?.seq ?? after + 1 };
    },

    async prove(name, seqs) {
      const { messages } = open(name);
      const present = seqs.flatMap((seq) => messages.get(seq) ?? []).map((message) => ({ ...message }));
      return { outcome: 'proven', present };
    },

    async seqOf(name, key, now) {
      const { head, publishes } = open(name);
      const known = publishes.get(key);
      return known && known.expiresAt > now && known.epoch === head?.epoch ? known.seq : undefined;
    },

    removeRows(name, kind, limit) {
      const rows: Map<unknown, unknown> = open(name)[kind];
      const keys = [...rows.keys()].slice(0, limit);
      for (const key of keys) rows.delete(key);
      return keys.length;
    },

    removeHead(name, head) {
      const channel = open(name);
      if (!isHead(channel.head, head)) return false;
      channel.head = undefined;
      return true;
    },

    drop(name, seq) {
      const channel = open(name);
      if (seq === 0) channel.head = undefined;
      channel.messages.delete(seq);
    },
  };
}

const isHead = (head: Head | undefined, expected: Head | undefined): boolean =>
  head?.epoch === expected?.epoch && head?.seq === expected?.seq;

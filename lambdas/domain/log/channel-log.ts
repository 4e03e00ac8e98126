/**
 * The logs of the channels: dense seqs, one message per idempotency key, pages without holes.
 * Nothing else calls the `LogStore`.
 */
import { Busy } from '../errors.ts';
import type { Channel, ConnectionKey, Head, Message, Position } from '../model.ts';
import { type Appended, append, type Draft } from './append.ts';
import { createChannelQueue } from './channel-queue.ts';
import type { LogContext } from './context.ts';
import { createHeadCache } from './head-cache.ts';
import { type LogPage, readPage } from './read.ts';
import { type BackPage, type BackRange, readPageBack } from './read-back.ts';
import { type Withdrawn, withdraw } from './withdraw.ts';

interface OfChannel {
  channel: Channel;
}

type Opened<Items extends readonly OfChannel[]> = {
  [Index in keyof Items]: Items[Index] & { head: Head };
};

/** By the names of the channels. */
type Heads = ReadonlyMap<string, Head>;

export interface ChannelLog {
  /** Undefined: the channel does not exist yet. */
  head(channel: Channel): Promise<Head | undefined>;
  /**
   * The head of a channel. Creates the channel with its epoch, if nobody has asked for it before.
   * A user's own is only created `by` a connection that is there and not being closed. Otherwise it
   * is told as empty, and nothing is kept: a user who was erased does not come back by a question.
   */
  open(channel: Channel, by?: ConnectionKey): Promise<Head>;
  /**
   * Whether a seq was ever given, even where the head does not show it yet: a head that was just
   * read may be older than a message that a device has. Rejects with a `Busy` while an append of
   * this seq is under way.
   */
  has(channel: Channel, head: Head, seq: number): Promise<boolean>;
  /**
   * {@link open} for several channels at once: the items as they came, each with its head. `heads`:
   * where they were read just now, those that exist.
   */
  openAll<const Items extends readonly OfChannel[]>(
    items: Items,
    by?: ConnectionKey,
    heads?: Heads,
  ): Promise<Opened<Items>>;
  /** One message. Undefined: it has expired, or the numbering is another by now. */
  find(channel: Channel, at: Position): Promise<Message | undefined>;
  /** Rejects with a `Busy` when it lost every race, and with the store's fault when that stays. */
  append(channel: Channel, draft: Omit<Draft, 'withdraws'>): Promise<Appended>;
  /**
   * Takes the content out of a message, and appends a withdrawal of it. Undefined: no such message
   * is kept. `retentionSeconds`: of the withdrawal, at least.
   */
  withdraw(channel: Channel, seq: number, retentionSeconds: number): Promise<Withdrawn | undefined>;
  /** The seq of the message with this idempotency key. Undefined: the key is not known. */
  seqOf(channel: Channel, key: string): Promise<number | undefined>;
  /**
   * One page of what follows `after`, up to the head at most. If the page brings nothing (its
   * `through` equals `after`, and the head is further on), an append is under way: ask again.
   */
  read(channel: Channel, after: number, head: Head): Promise<LogPage>;
  /** The newest rows of a range, at most `limit`, newest first. */
  readBack(channel: Channel, range: BackRange, head: Head, limit: number): Promise<BackPage>;
}

/** `heads`: where this process keeps what it knows from its earlier appends. */
export function createChannelLog({
  heads = createHeadCache(),
  ...context
}: Omit<LogContext, 'heads'> & Partial<Pick<LogContext, 'heads'>>): ChannelLog {
  const log: LogContext = { ...context, heads };
  const { store, ids, clock } = log;
  const enqueue = createChannelQueue();
  const create = async ({ kind, name }: Channel, by: ConnectionKey | undefined): Promise<Head> => {
    const head = { epoch: ids.next(), seq: 0, updatedAt: clock.now() };
    if (kind !== 'user') return (await store.create(name, head)) ?? head;
    return (by && (await store.create(name, head, by))) ?? head;
  };
  return {
    head: ({ name }) => store.head(name),
    has: async ({ name }, head, seq) => {
      if (seq <= head.seq) return true;
      const proof = await store.prove(name, [seq]);
      if (proof.outcome === 'in_doubt') throw new Busy(`${name}: an append of seq ${seq} is under way`);
      return proof.present.length > 0;
    },
    open: async (channel, by) => (await store.head(channel.name)) ?? (await create(channel, by)),
    openAll: async <Items extends readonly OfChannel[]>(items: Items, by?: ConnectionKey, known?: Heads) => {
      const names = [...new Set(items.map(({ channel }) => channel.name))];
      const heads = new Map(known ?? (names.length === 0 ? [] : await store.heads(names)));
      const opened: (OfChannel & { head: Head })[] = [];
      for (const item of items) {
        const { name } = item.channel;
        const head = heads.get(name) ?? (await create(item.channel, by));
        heads.set(name, head);
        opened.push({ ...item, head });
      }
      return opened as unknown as Opened<Items>;
    },
    find: async ({ name }, { epoch, seq }) => {
      const head = await store.head(name);
      if (head?.epoch !== epoch) return undefined;
      const { messages, through } = await readPage(log, name, seq - 1, { ...head, seq });
      if (through < seq) throw new Busy(`${name}: an append of seq ${seq} is under way`);
      return messages[0];
    },
    append: ({ name }, draft) => enqueue(name, () => append(log, name, draft)),
    withdraw: ({ name }, seq, retentionSeconds) =>
      enqueue(name, () => withdraw(log, name, seq, retentionSeconds)),
    seqOf: ({ name }, key) => store.seqOf(name, key, clock.now()),
    read: ({ name }, after, head) => readPage(log, name, after, head),
    readBack: ({ name }, range, head, limit) => readPageBack(log, name, range, head, limit),
  };
}

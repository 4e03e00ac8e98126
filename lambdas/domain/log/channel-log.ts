/**
 * The logs of the channels: dense seqs, one message per idempotency key, pages without holes.
 * Nothing else calls the `LogStore`.
 */
import { Busy } from '../errors.ts';
import type { Channel, Head, Message, Position } from '../model.ts';
import { type Appended, append, type Draft } from './append.ts';
import { createChannelQueue } from './channel-queue.ts';
import type { LogContext } from './context.ts';
import { createHeadCache } from './head-cache.ts';
import { type LogPage, readPage } from './read.ts';

export interface ChannelLog {
  /** Undefined: the channel does not exist yet. */
  head(channel: Channel): Promise<Head | undefined>;
  /**
   * The head of a channel. Creates the channel with its epoch, if nobody has asked for it before.
   */
  open(channel: Channel): Promise<Head>;
  /**
   * Whether a seq was ever given, even where the head does not show it yet: a head that was just
   * read may be older than a message that a device has. Rejects with a `Busy` while an append of
   * this seq is under way.
   */
  has(channel: Channel, seq: number): Promise<boolean>;
  /** {@link open} for several channels at once, by their names. */
  openAll(channels: Channel[]): Promise<ReadonlyMap<string, Head>>;
  /** One message. Undefined: it has expired, or the numbering is another by now. */
  find(channel: Channel, at: Position): Promise<Message | undefined>;
  /** Rejects with a `Busy` when it lost every race, and with the store's fault when that stays. */
  append(channel: Channel, draft: Draft): Promise<Appended>;
  /**
   * One page of what follows `after`, up to the head at most. If the page brings nothing (its
   * `through` equals `after`, and the head is further on), an append is under way: ask again.
   */
  read(channel: Channel, after: number, head: Head): Promise<LogPage>;
}

/** `heads`: where this process keeps what it knows from its earlier appends. */
export function createChannelLog({
  heads = createHeadCache(),
  ...context
}: Omit<LogContext, 'heads'> & Partial<Pick<LogContext, 'heads'>>): ChannelLog {
  const log: LogContext = { ...context, heads };
  const { store, ids, clock } = log;
  const enqueue = createChannelQueue();
  const create = (name: string) => store.create(name, { epoch: ids.next(), seq: 0, updatedAt: clock.now() });
  return {
    head: ({ name }) => store.head(name),
    has: async ({ name }, seq) => {
      const proof = await store.prove(name, [seq]);
      if (proof.outcome === 'in_doubt') throw new Busy(`${name}: an append of seq ${seq} is under way`);
      return proof.present.length > 0;
    },
    open: async ({ name }) => (await store.head(name)) ?? (await create(name)),
    openAll: async (channels) => {
      if (channels.length === 0) return new Map();
      const names = [...new Set(channels.map(({ name }) => name))];
      const heads = new Map(await store.heads(names));
      for (const name of names) if (!heads.has(name)) heads.set(name, await create(name));
      return heads;
    },
    find: async ({ name }, { epoch, seq }) => {
      const head = await store.head(name);
      if (head?.epoch !== epoch) return undefined;
      const { messages, through } = await readPage(log, name, seq - 1, { ...head, seq });
      if (through < seq) throw new Busy(`${name}: an append of seq ${seq} is under way`);
      return messages[0];
    },
    append: ({ name }, draft) => enqueue(name, () => append(log, name, draft)),
    read: ({ name }, after, head) => readPage(log, name, after, head),
  };
}

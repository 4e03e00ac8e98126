/**
 * The logs of the channels: dense seqs, one message per idempotency key, pages without holes.
 * Nothing else calls the `LogStore`.
 */
import type { Channel, Head } from '../model.ts';
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
  return {
    head: ({ name }) => store.head(name),
    open: async ({ name }) =>
      (await store.head(name)) ??
      (await store.create(name, { epoch: ids.next(), seq: 0, updatedAt: clock.now() })),
    append: ({ name }, draft) => enqueue(name, () => append(log, name, draft)),
    read: ({ name }, after, head) => readPage(log, name, after, head),
  };
}

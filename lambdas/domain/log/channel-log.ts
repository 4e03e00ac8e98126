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
  /** The head of a channel, which begins to exist with the first who asks: its epoch must not change afterwards. */
  open(channel: Channel): Promise<Head>;
  /** Rejects with a `Busy` when it lost every race, and with the store's fault when that stays. */
  append(channel: Channel, draft: Draft): Promise<Appended>;
  /**
   * One page after `after`, up to the head at most. No progress (`through` equals `after`, short of
   * the head): an append is under way, ask again.
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

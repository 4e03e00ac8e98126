/** Channels and the numbering of their messages. */
import type { App } from './app.ts';
import type { Head } from './ports.ts';

/** Every user has a channel. Not every channel is a user's. */
export const userChannel = (userId: string): string => `user:${userId}`;

/** The head of a channel, which begins to exist with the first who asks: its epoch must not change afterwards. */
export async function openChannel({ log, clock, ids }: App, channel: string): Promise<Head> {
  return (
    (await log.head(channel)) ??
    (await log.create(channel, { epoch: ids.next(), seq: 0, updatedAt: clock.now() }))
  );
}

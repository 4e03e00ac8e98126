/** Who hears which channel, in memory. */
import { subscriberOf } from '../../lambdas/adapters/dynamodb/subscription-rows.ts';
import type { Channel, Connection, Serving, Subscription } from '../../lambdas/domain/model.ts';
import type { SubscriptionStore } from '../../lambdas/domain/ports/subscription-store.ts';
import { memoryServing } from './memory-serving.ts';
import { createMemoryTables, idOf, type MemoryTables, newRow } from './memory-tables.ts';

export function createMemorySubscriptionStore(
  now: () => number,
  tables: MemoryTables = createMemoryTables(),
): SubscriptionStore {
  const { connections, subscriptions, members } = tables;
  const isLive = ({ expiresAt }: Subscription) => expiresAt > now();
  const row = (channel: Channel, connectionId: string) => subscriptions.get(idOf(channel.name, connectionId));

  /** The rows of a channel in the order of a hash, as the table keeps them. */
  const inOrder = (channel: Channel) =>
    [...subscriptions.values()]
      .map(({ value }) => ({ subscriber: subscriberOf(value.connectionId), value }))
      .filter(({ value }) => value.channel.name === channel.name)
      .sort((one, other) => (one.subscriber < other.subscriber ? -1 : 1));

  return {
    async find({ channel, connectionId }) {
      const subscription = row(channel, connectionId)?.value;
      return subscription && isLive(subscription) ? { ...subscription } : undefined;
    },

    async page(channel, { from, to }, limit) {
      const rest = inOrder(channel).filter(({ subscriber }) => from <= subscriber && subscriber <= to);
      const page = rest.slice(0, limit);
      return {
        subscriptions: page.map(({ value }) => ({ ...value })).filter(isLive),
        next: rest.length > limit ? `${page.at(-1)?.subscriber} ` : undefined,
      };
    },

    async add(connection, channel, { maxChannels, asMember, requestId, ...serving }) {
      const { userId, connectionId } = connection;
      const standing = connections.get(idOf(userId, connectionId))?.value;
      if (asMember && !members.has(idOf(userId, asMember.topic))) return 'no_member';
      if (standing === undefined || standing.bye !== undefined) return 'closed';
      if (row(channel, connectionId)) return 'already';
      const { channels } = standing;
      if (channels.size >= maxChannels && !channels.has(channel.name)) return 'too_many';
      standing.channels = new Set([...channels, channel.name]);
      const added = newRow(subscriptionOf(connection, channel, serving));
      subscriptions.set(idOf(channel.name, connectionId), added);
      if (requestId !== undefined) tables.ask(added, added.value, requestId);
      return 'subscribed';
    },

    async remove({ channel, userId, connectionId }) {
      const standing = connections.get(idOf(userId, connectionId))?.value;
      if (standing)
        standing.channels = new Set([...standing.channels].filter((name) => name !== channel.name));
      subscriptions.delete(idOf(channel.name, connectionId));
    },

    async removeFormerMember(key, topic) {
      const standing = row(key.channel, key.connectionId)?.value;
      if (standing === undefined || standing.permitted || members.has(idOf(key.userId, topic))) return false;
      await this.remove(key);
      return true;
    },

    async permit({ channel, connectionId, deviceId }) {
      const subscription = row(channel, connectionId)?.value;
      if (!subscription) return;
      subscription.permitted = true;
      if (deviceId !== undefined) subscription.startsAt = undefined;
    },

    async begin({ channel, connectionId }, { readyAt, startsAt, request }) {
      const found = row(channel, connectionId);
      if (!found) return;
      found.value.readyAt = readyAt;
      if (startsAt) found.value.startsAt = { ...startsAt };
      if (request) tables.ask(found, found.value, request.id, request.after);
    },

    ...memoryServing(tables),
    // No socket of STOMP is kept in memory.
    announce: async () => false,
  };
}

/** What a subscription keeps of its connection; nothing is posted to it until it is ready. */
export const subscriptionOf = (
  connection: Connection,
  channel: Channel,
  { permitted, readyAt, startsAt }: { permitted: boolean } & Partial<Serving>,
): Subscription => ({
  channel,
  userId: connection.userId,
  connectionId: connection.connectionId,
  deviceId: connection.deviceId,
  dialect: connection.dialect,
  ackMode: connection.ackMode,
  connectedAt: connection.connectedAt,
  tokenExpiresAt: connection.tokenExpiresAt,
  endpoint: connection.endpoint,
  permitted,
  readyAt,
  startsAt: startsAt && { epoch: startsAt.epoch, seq: startsAt.seq },
  paused: undefined,
  bye: undefined,
  expiresAt: connection.expiresAt,
});

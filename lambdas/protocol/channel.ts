/** The channels: a user's own, the topics, and the one that everyone hears. */
import { isToken, isUserId, TOKEN_RULE } from './names.ts';

export type Channel = UserChannel | TopicChannel | EveryoneChannel;

/** What concerns one user. */
export interface UserChannel {
  kind: 'user';
  /** As on the wire and in the tables, such as `user:alice`. */
  name: string;
  /** The user it belongs to. */
  owner: string;
}

/** What concerns whoever subscribes, and the topic's members. */
export interface TopicChannel {
  kind: 'topic';
  /** Such as `topic:news`. */
  name: string;
  /** Such as `news`. */
  topic: string;
}

export interface EveryoneChannel {
  kind: 'everyone';
  name: 'everyone';
}

const USER = 'user:';
const TOPIC = 'topic:';

export const userChannel = (userId: string): UserChannel => ({
  kind: 'user',
  name: `${USER}${userId}`,
  owner: userId,
});

export const topicChannel = (topic: string): TopicChannel => ({
  kind: 'topic',
  name: `${TOPIC}${topic}`,
  topic,
});

export const EVERYONE: EveryoneChannel = { kind: 'everyone', name: 'everyone' };

export const isTopic = isToken;
export const TOPIC_RULE = TOKEN_RULE;

/** Marked as pure, so that the client library is built without it. */
export const CHANNEL_RULE = /* @__PURE__ */ `user: and a user id, topic: and ${TOKEN_RULE}, or everyone`;

/** Undefined: no channel has this name; {@link CHANNEL_RULE} says which do. */
export function parseChannel(name: unknown): Channel | undefined {
  if (typeof name !== 'string') return undefined;
  if (name === EVERYONE.name) return EVERYONE;
  if (name.startsWith(TOPIC)) {
    const topic = name.slice(TOPIC.length);
    return isTopic(topic) ? topicChannel(topic) : undefined;
  }
  if (!name.startsWith(USER)) return undefined;
  const userId = name.slice(USER.length);
  return isUserId(userId) ? userChannel(userId) : undefined;
}

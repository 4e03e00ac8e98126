/**
 * What a STOMP client acknowledges: a channel, its epoch and a seq, in letters that every client
 * hands back as they were. No colon: some cut there.
 */
import { type Channel, EVERYONE, type Position, topicChannel, userChannel } from '../model.ts';

const ESCAPED: Record<string, string> = { '.': '.-', ':': '._' };
const MEANT: Record<string, string> = { '.-': '.', '._': ':' };

export const messageIdOf = (channel: Channel, { epoch, seq }: Position): string =>
  `${seq}.${epoch}.${partOf(channel)}`;

const partOf = (channel: Channel): string =>
  channel.kind === 'topic'
    ? `t${channel.topic.replace(/[.:]/g, (character) => ESCAPED[character] ?? '')}`
    : channel.kind;

/** Undefined: none of ours. `userId`: whose own channel may be meant. */
export function messageIn(
  id: string | undefined,
  userId: string,
): { channel: Channel; epoch: string; seq: number } | undefined {
  const [, seq, epoch = '', part = ''] = /^(\d{1,15})\.([^.]+)\.(.+)$/.exec(id ?? '') ?? [];
  if (seq === undefined) return undefined;
  return { channel: channelOf(part, userId), epoch, seq: Number(seq) };
}

function channelOf(part: string, userId: string): Channel {
  if (part === 'user') return userChannel(userId);
  if (part === EVERYONE.kind) return EVERYONE;
  return topicChannel(part.slice(1).replace(/\.[-_]/g, (escaped) => MEANT[escaped] ?? ''));
}

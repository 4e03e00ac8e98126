/** `herald history`: the messages that are kept of a user. */
import { isTopic, TOPIC_RULE } from '../../../lambdas/protocol/channel.ts';
import { MAX_HISTORY_LIMIT } from '../../../lambdas/protocol/limits.ts';
import { defineCommand } from '../command.ts';
import { channelMessagesPath, pathOf, printEach, request } from '../requests.ts';
import { targetOptions, targetUrl } from '../target.ts';
import { checked, integer, usersOf } from '../values.ts';

interface Page {
  messages: { seq: number; type: string; sentAt: number; data: unknown }[];
  through: number;
  head: number;
}

export const history = defineCommand({
  summary: 'Prints the messages that are kept of each user, of a topic, or of everyone.',
  operands: '[<user>…]',
  options: {
    topic: { value: 'NAME', help: 'of this topic, instead of users' },
    everyone: { help: 'of what went to everyone, instead of users' },
    after: { value: 'SEQ', help: 'only what comes behind it (default 0)' },
    limit: { value: 'N', help: `at most so many, 1 to ${MAX_HISTORY_LIMIT} (default 100)` },
    ...targetOptions('HttpUrl'),
    json: { help: 'print the answers as they are, a line for each user' },
  },
  async run(operands, { topic, everyone, after, limit, json, ...target }) {
    const query = {
      after: integer('--after', after, { min: 0, max: Number.MAX_SAFE_INTEGER }),
      limit: integer('--limit', limit, { min: 1, max: MAX_HISTORY_LIMIT }),
    };
    const base = targetUrl('HttpUrl', target);
    const get = (path: string) => request({ method: 'GET', base, path, query });
    const isOfChannel = topic !== undefined || everyone === true;
    if (isOfChannel && operands.length > 0)
      throw new Error('expected users, --topic or --everyone, got several of these');
    if (topic !== undefined && everyone) throw new Error('expected --topic or --everyone, got both');
    const name = topic === undefined ? undefined : checked('--topic', topic, isTopic, TOPIC_RULE);
    if (isOfChannel)
      return await printEach([name ?? 'everyone'], () => get(channelMessagesPath(name)), json, linesOf);
    await printEach(usersOf(operands), (userId) => get(pathOf(userId, 'messages')), json, linesOf);
  },
});

function linesOf(whom: string, { messages, through, head }: Page): string[] {
  const lines = messages.map(
    ({ seq, sentAt, type, data }) =>
      `${whom}  #${seq}  ${new Date(sentAt).toISOString()}  ${type}  ${JSON.stringify(data)}`,
  );
  if (through < head) return [...lines, `${whom}  … go on with --after ${through}; the newest is #${head}`];
  return lines.length > 0 ? lines : [`${whom}  no messages`];
}

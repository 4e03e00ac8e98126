/** `herald history`: the messages that are kept of a user. */
import { MAX_HISTORY_LIMIT } from '../../../lambdas/protocol/limits.ts';
import { defineCommand } from '../command.ts';
import { pathOf, printEach, request } from '../requests.ts';
import { targetOptions, targetUrl } from '../target.ts';
import { integer, usersOf } from '../values.ts';

interface Page {
  messages: { seq: number; type: string; sentAt: number; data: unknown }[];
  through: number;
  head: number;
}

export const history = defineCommand({
  summary: 'Prints the messages that are kept of each user.',
  operands: '<user>…',
  options: {
    after: { value: 'SEQ', help: 'only what comes behind it (default 0)' },
    limit: { value: 'N', help: `at most so many, 1 to ${MAX_HISTORY_LIMIT} (default 100)` },
    ...targetOptions('HttpUrl'),
    json: { help: 'print the answers as they are, a line for each user' },
  },
  async run(operands, { after, limit, json, ...target }) {
    const query = {
      after: integer('--after', after, { min: 0, max: Number.MAX_SAFE_INTEGER }),
      limit: integer('--limit', limit, { min: 1, max: MAX_HISTORY_LIMIT }),
    };
    const base = targetUrl('HttpUrl', target);
    const ask = (userId: string) => request({ method: 'GET', base, path: pathOf(userId, 'messages'), query });
    await printEach(usersOf(operands), ask, json, linesOf);
  },
});

function linesOf(userId: string, { messages, through, head }: Page): string[] {
  const lines = messages.map(
    ({ seq, sentAt, type, data }) =>
      `${userId}  #${seq}  ${new Date(sentAt).toISOString()}  ${type}  ${JSON.stringify(data)}`,
  );
  if (through < head) return [...lines, `${userId}  … go on with --after ${through}; the newest is #${head}`];
  return lines.length > 0 ? lines : [`${userId}  no messages`];
}

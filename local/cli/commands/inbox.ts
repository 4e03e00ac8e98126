/** `herald inbox`: a user's messages as a notification bell shows them. */
import { DEFAULT_INBOX_LIMIT, MAX_INBOX_LIMIT, MAX_UNREAD } from '../../../lambdas/protocol/limits.ts';
import { defineCommand } from '../command.ts';
import { pathOf, printEach, request } from '../requests.ts';
import { targetOptions, targetUrl } from '../target.ts';
import { integer, usersOf } from '../values.ts';

interface Inbox {
  messages: { seq: number; type: string; sentAt: number; data: unknown; read: boolean }[];
  more: boolean;
  unread: number;
}

export const inbox = defineCommand({
  summary: 'Prints the newest messages of each user, what of them is unread, and how many are.',
  operands: '<user>…',
  options: {
    before: { value: 'SEQ', help: 'only what is older than it (default: past the newest)' },
    limit: { value: 'N', help: `at most so many, 1 to ${MAX_INBOX_LIMIT} (default ${DEFAULT_INBOX_LIMIT})` },
    ...targetOptions('HttpUrl'),
    json: { help: 'print the answers as they are, a line for each user' },
  },
  notes: 'Newest first. A * stands before what is unread; herald read marks it.',
  async run(operands, { before, limit, json, ...target }) {
    const query = {
      before: integer('--before', before, { min: 0, max: Number.MAX_SAFE_INTEGER }),
      limit: integer('--limit', limit, { min: 1, max: MAX_INBOX_LIMIT }),
    };
    const base = targetUrl('HttpUrl', target);
    const ask = (userId: string) => request({ method: 'GET', base, path: pathOf(userId, 'inbox'), query });
    await printEach(usersOf(operands), ask, json, linesOf);
  },
});

function linesOf(userId: string, { messages, more, unread }: Inbox): string[] {
  const lines = messages.map(
    ({ seq, sentAt, type, data, read }) =>
      `${userId}  ${read ? ' ' : '*'} #${seq}  ${new Date(sentAt).toISOString()}  ${type}  ${JSON.stringify(data)}`,
  );
  const oldest = messages.at(-1);
  if (more && oldest) lines.push(`${userId}  … go on with --before ${oldest.seq}`);
  return [...lines, `${userId}  ${unreadText(unread)}`];
}

/** The stack counts no further than {@link MAX_UNREAD}. */
export const unreadText = (unread: number): string =>
  `${unread}${unread === MAX_UNREAD ? ' or more' : ''} unread`;

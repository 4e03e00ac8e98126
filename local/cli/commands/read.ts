/** `herald read`: marks what a user has read, as the user's own devices do. */
import type { ReadState } from '../../../lambdas/protocol/frames.ts';
import { defineCommand } from '../command.ts';
import { pathOf, printEach, request } from '../requests.ts';
import { targetOptions, targetUrl } from '../target.ts';
import { integer, seqList, usersOf } from '../values.ts';
import { unreadText } from './inbox.ts';

export const read = defineCommand({
  summary: 'Marks messages of each user as read, or as unread again.',
  operands: '<user>…',
  options: {
    through: { value: 'SEQ', help: 'all up to this one are read' },
    seqs: { value: 'SEQ,…', help: 'these are read' },
    unread: { value: 'SEQ,…', help: 'these are not, any more' },
    ...targetOptions('HttpUrl'),
    json: { help: 'print the answers as they are, a line for each user' },
  },
  notes: 'Every open connection of the user is told, if that changes anything.',
  async run(operands, { through, seqs, unread, json, ...target }) {
    const made = [through, seqs, unread].filter((value) => value !== undefined);
    if (made.length !== 1) throw new Error('expected exactly one of --through, --seqs and --unread');
    const body = {
      through: integer('--through', through, { min: 0, max: Number.MAX_SAFE_INTEGER }),
      seqs: seqList('--seqs', seqs),
      unread: seqList('--unread', unread),
    };
    const base = targetUrl('HttpUrl', target);
    const ask = (userId: string) => request({ method: 'PUT', base, path: pathOf(userId, 'read'), body });
    await printEach(usersOf(operands), ask, json, linesOf);
  },
});

type Marked = ReadState & { unread: number };

function linesOf(userId: string, { through, seqs, unread }: Marked): string[] {
  const singles = seqs.map((seq) => ` #${seq}`).join('');
  return [`${userId}  read through #${through}${singles && `, and${singles}`}; ${unreadText(unread)}`];
}

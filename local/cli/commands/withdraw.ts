/** `herald withdraw`: takes back a message that was published to a user. */
import { isMessageId, MESSAGE_ID_RULE } from '../../../lambdas/protocol/names.ts';
import { defineCommand } from '../command.ts';
import { pathOf, printEach, request } from '../requests.ts';
import { targetOptions, targetUrl } from '../target.ts';
import { integer, optional, usersOf } from '../values.ts';

export const withdraw = defineCommand({
  summary: 'Takes back a message of each user: by its seq, or by the id that its publisher gave.',
  operands: '<user>…',
  options: {
    seq: { value: 'SEQ', help: 'the message with this seq' },
    id: { value: 'ID', help: 'the message with this id, within 24 hours of its publish' },
    ...targetOptions('HttpUrl'),
    json: { help: 'print the answers as they are, a line for each user' },
  },
  notes: 'Its content is deleted. Devices that have shown it are told to take it away.',
  async run(operands, { seq, id, json, ...target }) {
    if ((seq === undefined) === (id === undefined)) throw new Error('expected --seq or --id');
    const which = integer('--seq', seq, { min: 1, max: Number.MAX_SAFE_INTEGER });
    const query = { id: optional('--id', id, isMessageId, MESSAGE_ID_RULE) };
    const base = targetUrl('HttpUrl', target);
    const ask = (userId: string) => {
      const messages = pathOf(userId, 'messages');
      const path = which === undefined ? messages : `${messages}/${which}`;
      return request({ method: 'DELETE', base, path, query });
    };
    await printEach(usersOf(operands), ask, json, (userId, { withdrawn: [first] }: Withdrawn) => [
      first === undefined ? `${userId}  withdrawn before` : `${userId}  #${first} withdrawn`,
    ]);
  },
});

interface Withdrawn {
  withdrawn: number[];
}

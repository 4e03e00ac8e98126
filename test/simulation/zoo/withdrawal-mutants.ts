/** Ways to break the withdrawal of a message. */
import type { Mutant } from './mutants.ts';
import { client, domain, store, wire } from './sources.ts';

export const WITHDRAWAL_MUTANTS: Mutant[] = [
  {
    name: 'what was withdrawn counts as kept',
    file: domain('log/read'),
    find: 'expiresAt > now && withdrawnBy === undefined;',
    replace: 'expiresAt > now || withdrawnBy === 0;',
  },
  {
    name: 'a message is withdrawn as often as it is asked for',
    file: store('append-transaction'),
    find: "'id = :id AND attribute_not_exists(withdrawnBy)'",
    replace: "'id = :id'",
  },
  {
    name: 'a withdrawal leaves the content',
    file: domain('log/append'),
    find: "  data: 'null',\n",
    replace: '',
  },
  {
    name: 'a withdrawal is kept for the default time only',
    file: domain('log/withdraw'),
    find: 'retentionSeconds: Math.max(retentionSeconds, leftSeconds),',
    replace: 'retentionSeconds: Math.min(retentionSeconds, leftSeconds),',
  },
  {
    name: 'a withdrawal is told to nobody at once',
    file: domain('inbox/withdraw'),
    find: 'if (withdrawal) await deliver(',
    replace: 'if (withdrawal && seq < 0) await deliver(',
  },
  {
    name: 'a replay does not tell what was withdrawn',
    file: wire('herald/replay'),
    find: 'withdrawn.push(...withdraws);',
    replace: '',
  },
  {
    name: 'a withdrawal is told live with the seq of what it withdraws',
    file: domain('publish/deliver'),
    find: 'channel: name, seq: message.seq, seqs }',
    replace: 'channel: name, seq: seqs[0] ?? 0, seqs }',
  },
  {
    name: 'the client passes over a withdrawal',
    file: client('channel'),
    find: "if (delivery.event === 'withdrawn') this.#sequence.addEmpty(delivery.seq);",
    replace: '',
  },
];

/** Ways to break what is read, and the histories that show it. */
import type { Mutant } from './mutants.ts';
import { domain, store } from './sources.ts';

export const READ_MUTANTS: Mutant[] = [
  {
    name: 'a read state is replaced without a condition',
    file: store('read-state-store'),
    find: 'Item, ...condition }',
    replace: 'Item }',
  },
  {
    name: 'the read state is read with a lagging read',
    file: store('read-state-store'),
    find: 'ConsistentRead: true',
    replace: 'ConsistentRead: false',
  },
  {
    name: 'all users share one read state',
    file: store('read-state-store'),
    find: '({ userId, deviceId: READ_STATE_ID })',
    replace: "({ userId: userId && 'alice', deviceId: READ_STATE_ID })",
  },
  {
    name: 'the version of a read state does not grow',
    file: domain('inbox/read-state'),
    find: 'version: before.version + 1,',
    replace: 'version: before.version || 1,',
  },
  {
    name: 'what was read in another epoch counts',
    file: domain('inbox/read-state'),
    find: 'stored?.epoch === epoch\n',
    replace: 'stored !== undefined && epoch\n',
  },
  {
    name: 'a mark that lost a race is given up',
    file: domain('inbox/read-state'),
    find: 'return await readStates.replace(userId, before?.version ?? 0, state, before?.epoch);',
    replace:
      'await readStates.replace(userId, before?.version ?? 0, state, before?.epoch);\n    return true;',
  },
  {
    name: 'a mark whose write was sent twice is not told',
    file: domain('inbox/read-state'),
    find: 'return attempt === 0\n',
    replace: 'return attempt >= 0\n',
  },
  {
    name: 'what is past the head can be marked',
    file: domain('inbox/read-state'),
    find: 'if (await isPastHead(app, userId, head, made)) return pastHead(made, head);',
    replace: '',
  },
  {
    name: 'what is read is told to one connection only',
    file: domain('inbox/read-state'),
    find: 'await mapConcurrently(open, CONCURRENT_POSTS,',
    replace: 'await mapConcurrently(open.slice(0, 1), CONCURRENT_POSTS,',
  },
  {
    name: 'a connection that opens meanwhile is not told what is read',
    file: domain('inbox/read-state'),
    find: 'if (connection.readyAt === undefined) {',
    replace: 'if (connection.readyAt === undefined) {\n      if (head.seq >= 0) return;',
  },
  {
    name: 'a connection that refused what is read is not told it later',
    file: domain('session/reconcile'),
    find: 'if (isResumed) await tellReadState(app, connection, head);',
    replace: '',
  },
  {
    name: 'ready does not tell what is read',
    file: domain('session/start'),
    find: '...(isReadTold(readiness) && { read }),',
    replace: '',
  },
  {
    name: 'one seq too many is absorbed',
    file: domain('inbox/read-marks'),
    find: 'seq !== through + 1 + index',
    replace: 'seq > through + 2 + index',
  },
  {
    name: 'a seq next to `through` is not absorbed',
    file: domain('inbox/read-marks'),
    find: 'const next = gap < 0 ? singles.length : gap;',
    replace: 'const next = gap < 0 ? 0 : 0;',
  },
  {
    name: 'what lay above a seq that is unread again is unread, too',
    file: domain('inbox/read-marks'),
    find: '[...between, ...seqs].filter',
    replace: '[...seqs].filter',
  },
  {
    name: 'a member reads back to before the user joined',
    file: domain('session/commands'),
    find: 'earliest: seqIn(head, joined)',
    replace: 'earliest: undefined',
  },
  {
    name: 'anybody reads the history of a topic',
    file: domain('session/commands'),
    find: 'if (member === undefined) throw forbidden(channel, ref);',
    replace: 'if (member === undefined) return undefined;',
  },
  {
    name: 'a history shows what has expired',
    file: domain('log/read-back'),
    find: 'isKept(message, now) &&',
    replace: 'isKept(message, now - 3_600_000) &&',
  },
  {
    name: 'a page of the log is taken for all of a history',
    file: store('log-store'),
    find: 'from: LastEvaluatedKey?.seq ?? after + 1',
    replace: 'from: after + 1',
  },
  {
    name: 'what is read counts as unread',
    file: domain('inbox/unread'),
    find: 'messages.filter(({ seq }) => !isRead(marks, seq)).length',
    replace: 'messages.filter(({ seq }) => seq > marks.through).length',
  },
];

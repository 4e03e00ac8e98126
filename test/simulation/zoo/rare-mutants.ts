/** Ways to break Herald that show only where a run is led on purpose (`situations.ts`), or that few checks can see. */
import type { Mutant } from './mutants.ts';
import { domain, store, wire } from './sources.ts';

export const RARE_MUTANTS: Mutant[] = [
  {
    name: 'reconcile may not look connections up',
    file: 'lambdas/manifest.ts',
    find: "connections: ['GetItem', 'Query', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'],",
    replace: "connections: ['GetItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'],",
  },
  {
    name: 'the rest of a long gap is taken for expired',
    file: domain('log/read'),
    find: 'const beyond = missing[MAX_PROOF];',
    replace: 'const beyond = undefined as number | undefined;',
  },
  {
    name: 'a long gap is looked at by half',
    file: domain('log/read'),
    find: 'const seqs = missing.slice(0, MAX_PROOF);',
    replace: 'const seqs = missing.slice(0, 50);',
  },
  {
    name: 'a proof is believed one seq too far',
    file: domain('log/read'),
    find: '{ through: beyond - 1 }',
    replace: '{ through: beyond }',
  },
  {
    name: 'what a proof finds is dropped',
    file: domain('log/read'),
    find: '[...page.messages, ...settled.present]',
    replace: '[...page.messages]',
  },
  {
    name: 'a gap at the end of a page is taken for expired',
    file: domain('log/read'),
    find: '[...messages, { seq: through + 1, sentAt: updatedAt }]',
    replace: '[...messages]',
  },
  {
    name: 'a duplicate of before a restore is believed',
    file: domain('log/append'),
    find: "if (outcome === 'lost_race') log.heads.invalidate",
    replace:
      "if (outcome === 'duplicate') return { appended: { outcome, epoch: head.epoch, seq: head.seq, message: undefined } };\n    if (outcome === 'lost_race') log.heads.invalidate",
  },
  {
    name: 'a fault forgets the try before it',
    file: domain('log/append'),
    find: 'uncertain = request?.message ?? uncertain;',
    replace: 'uncertain = request?.message;',
  },
  {
    name: 'whatever stands at the seq is ours',
    file: domain('log/append'),
    find: 'return standing?.id === id ? standing : undefined;',
    replace: 'return standing;',
  },
  {
    name: 'a replay at its deadline is not gone on with',
    file: domain('session/replay'),
    find: "const goesOn = end === 'cut_short' ||",
    replace: 'const goesOn =',
  },
  {
    name: 'a window moves the cursor over the next',
    file: domain('session/replay'),
    find: '{ epoch: head.epoch, seq: through }, after);',
    replace: '{ epoch: head.epoch, seq: head.seq }, after);',
  },
  {
    name: 'a window does not move the cursor',
    file: domain('session/replay'),
    find: "if (ackMode === 'auto' && through > after)",
    replace: "if (ackMode === 'auto' && through > after && end !== 'window')",
  },
  {
    name: 'a hand-over displaces at once',
    file: domain('connection/limits'),
    find: 'if (!connection.handover || connection.readyAt !== undefined) served.add(device);',
    replace: 'served.add(device);',
  },
  {
    name: 'a hand-over is not told from a new connection',
    file: wire('handshake'),
    find: "handover: query.handover === '1',",
    replace: 'handover: false,',
  },
  {
    name: 'of several requests the last wins',
    file: store('stream-records'),
    find: 'earlier.after = Math.min(after, earlier.after);',
    replace: 'earlier.after = after;',
  },
  {
    name: 'a 410 deletes the row of a young connection that is ready',
    file: domain('connection/send'),
    find: "frame.event === 'ready' || !isYoung(app, connection)",
    replace: "frame.event === 'ready' || !mayBeOpening(app, connection)",
  },
  {
    name: 'an overtaken cursor is not waited for',
    file: domain('cursor'),
    find: 'const OVERTAKEN_TRIES = 5;',
    replace: 'const OVERTAKEN_TRIES = 1;',
  },
  {
    name: 'a cursor that stayed behind is left there',
    file: domain('cursor'),
    find: '  return false;',
    replace: '  return true;',
  },
  {
    name: 'a live message does not move the cursor',
    file: domain('publish/deliver'),
    find: "if (subscription.ackMode === 'auto') await settle(app, subscription, live);",
    replace: '',
  },
  {
    name: 'a ready hand-over displaces nothing',
    file: domain('session/start'),
    find: 'if (connection.handover) await enforceConnectionLimits(app, connection.userId);',
    replace: '',
  },
  {
    name: 'a hand-over counts twice',
    file: domain('connection/limits'),
    find: 'else if (newest === undefined) counted.set(device, connection);',
    replace: 'else counted.set(counted.has(device) ? connection.connectionId : device, connection);',
  },
  {
    name: 'a failed try with a cached head is forgotten',
    file: domain('log/append'),
    find: 'return { uncertain: request.message };',
    replace: 'return { uncertain: undefined };',
  },
];

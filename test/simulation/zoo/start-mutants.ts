/** Ways to break the start of a connection, which the stream and the client's first `sync` both may do. */
import type { Mutant } from './mutants.ts';
import { domain, store } from './sources.ts';

export const START_MUTANTS: Mutant[] = [
  {
    name: 'two start a connection at once',
    file: store('connection-starts'),
    find: `\${notStarted} AND \${noReplay}`,
    replace: `\${notStarted}`,
  },
  {
    name: 'the stream starts again what a sync has started',
    file: domain('session/reconcile'),
    find: 'if (isOthers && until === undefined) return;',
    replace: '',
  },
  {
    name: 'a start believes a position of another epoch',
    file: domain('channel/initial'),
    find: 'known?.epoch === head.epoch && known.seq >= earliest',
    replace: 'known && known.seq >= earliest',
  },
  {
    name: 'a start reads a batch that may be older than what was answered',
    file: store('batch-get'),
    find: 'ConsistentRead: true',
    replace: 'ConsistentRead: false',
  },
  {
    name: 'each of the two leaves the replay to the other',
    file: domain('session/start'),
    find: 'const isResumed = await catchUp(app, subscription, { after: from, deadlineAt, lease: held });',
    replace: 'const isResumed = from < 0 && held !== undefined && deadlineAt < 0;',
  },
  {
    name: 'everyone is replayed from where an older connection has brought the cursor',
    file: domain('session/catch-up'),
    find: "ackMode === 'auto' ? Math.min(asked, cursor) : asked",
    replace: "ackMode === 'auto' ? cursor : asked",
  },
  {
    name: 'a start that failed keeps its lease',
    file: domain('session/start'),
    find: 'await giveBackStart(app, connection, lease.holder).catch(() => undefined);',
    replace: '',
  },
  {
    name: 'any sync is taken for one that the start has answered',
    file: domain('session/start-by-sync'),
    find: 'if (!sync.first && receivedAt >= readyAt) return false;',
    replace: '',
  },
  {
    name: 'a start answers also what it has not brought',
    file: domain('session/start-by-sync'),
    find: 'deviceId === undefined || after >= start.after;',
    replace: 'deviceId === undefined || after >= 0;',
  },
  {
    name: 'what a sync wants of a start under way is forgotten',
    file: domain('session/start'),
    find: '(marked.wanted ?? after)',
    replace: 'after',
  },
  {
    name: 'nobody looks after a start whose Lambda died',
    file: domain('session/reconcile'),
    find: 'await app.later.reconcile(request, delaySeconds);',
    replace: 'if (delaySeconds < 0) await app.later.reconcile(request, delaySeconds);',
  },
];

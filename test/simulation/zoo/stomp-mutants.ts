/** Ways to break what serves clients of STOMP: the lease of the pump above all. */
import type { Mutant } from './mutants.ts';
import { domain, store } from './sources.ts';

export const STOMP_MUTANTS: Mutant[] = [
  {
    name: 'a pump does not wait for the lease',
    file: store('socket-store'),
    find: "const isFree = '(attribute_not_exists(pumpUntil) OR pumpHolder = :holder)';",
    replace: "const isFree = '(attribute_exists(userId) OR pumpHolder = :holder)';",
  },
  {
    name: 'a lease is not renewed',
    file: store('socket-store'),
    find: "sets: ['pumpUntil = :until']",
    replace: "sets: ['renewedUntil = :until']",
  },
  {
    name: 'a lease is given back though something newer was announced',
    file: store('socket-store'),
    find: "const nothingNew = '(attribute_not_exists(announced) OR announced = :announced)';",
    replace: "const nothingNew = '(attribute_exists(userId) OR announced = :announced)';",
  },
  {
    name: 'a post begins when the lease is nearly over',
    file: domain('stomp/lease'),
    find: 'const POST_MS = 7_000;',
    replace: 'const POST_MS = -20_000;',
  },
  {
    name: 'what is sent is noted before the post',
    file: domain('stomp/texts'),
    find: "if (app.clock.now() >= stopAt) return 'late';",
    replace: "noteAccepted(app, run, text);\n  if (app.clock.now() >= stopAt) return 'late';",
  },
  {
    name: 'the lease of a dead pump is taken over as if it had sent nothing',
    file: domain('stomp/pump'),
    find: "if (begun.isOrphaned) return await markForClose(app, connection, 'not_reading');",
    replace: '',
  },
  {
    name: 'a post of STOMP that failed is repeated',
    file: domain('stomp/texts'),
    find: "const REFUSED: readonly SendOutcome[] = ['throttled'];",
    replace: "const REFUSED: readonly SendOutcome[] = ['throttled', 'failed'];",
  },
  {
    name: 'a publisher sends what is not the next',
    file: domain('stomp/deliver-next'),
    find: 'sent.seq === seq - 1',
    replace: 'sent.seq < seq',
  },
  {
    name: 'a publisher does not hand on what was announced meanwhile',
    file: domain('stomp/deliver-next'),
    find: 'announced: undefined, requestId: app.ids.next() });',
    replace: 'announced: undefined });',
  },
];

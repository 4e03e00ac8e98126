/** Ways to break what the application is told, and the outbox: hunted in the world of the events. */
import type { Mutant } from './mutants.ts';
import { domain, handler, store } from './sources.ts';

const MUTANTS: Omit<Mutant, 'world'>[] = [
  {
    name: 'a publish is answered though nobody will look whether it is answered',
    file: domain('publish/publish'),
    find: 'escalateLater(app, stored),',
    replace: 'escalateLater(app, stored).catch(() => undefined),',
  },
  {
    name: 'a repeated publish does not have it looked up again',
    file: domain('publish/publish'),
    find: 'escalateLater(app, stored),',
    replace: 'duplicate ? undefined : escalateLater(app, stored),',
  },
  {
    name: 'the origin answers its own message',
    file: domain('escalation'),
    find: '!isOrigin(deviceId, message) && ',
    replace: '',
  },
  {
    name: 'where a new device begins is an answer',
    file: domain('escalation'),
    find: ' && !isThere(begun.get(name))',
    replace: '',
  },
  {
    name: 'a wake-up forgets how long is left to wait',
    file: domain('escalation'),
    find: 'restSeconds: seconds - delaySeconds }',
    replace: 'restSeconds: 0 }',
  },
  {
    name: 'an ack answers what is to be read',
    file: domain('escalation'),
    find: "message.escalate?.unless !== 'read'",
    replace: 'message.escalate?.unless !== undefined',
  },
  {
    name: 'a call is noted before it is out',
    file: domain('escalation'),
    find: "await app.bus.put('Message Unanswered'",
    replace: "await app.unanswered.end(stored);\n  await app.bus.put('Message Unanswered'",
  },
  {
    name: 'who finds the lease of a call taken leaves it at that',
    file: domain('escalation'),
    find: "if (claimed === 'taken') return await wait(app, task, LEASE_SECONDS);",
    replace: "if (claimed === 'taken') return;",
  },
  {
    name: 'two workers tell of one message at once',
    file: store('unanswered'),
    find: "'(attribute_not_exists(unansweredUntil) OR unansweredUntil <= :now)'",
    replace: "'(attribute_exists(id) OR unansweredUntil <= :now)'",
  },
  {
    name: 'a user who came back counts as away',
    file: domain('connection/lifecycle'),
    find: 'found?.closedAt === closedAt && !(await isConnected(app, userId))',
    replace: 'found?.closedAt === closedAt',
  },
  {
    name: 'who comes back while a check fails is not told of',
    file: domain('connection/lifecycle'),
    find: 'if (isRepeated && found)',
    replace: 'if (!isRepeated && !found)',
  },
  {
    name: 'a look-up that failed is not repeated',
    file: handler('later'),
    find: 'return [{ itemIdentifier: record.messageId }];',
    replace: 'return [];',
  },
  {
    name: 'a row of the outbox is given up when a fault may pass',
    file: domain('publish/outbox'),
    find: "if (outcome.kind === 'wrong' || !isInTime)",
    replace: "if (outcome.kind !== 'passing' || isInTime)",
  },
  {
    name: 'a row of the outbox is taken away before it is published',
    file: domain('publish/outbox'),
    find: 'const outcome = await tryToPublish(app, row);',
    replace: 'await outboxRows.remove(id);\n  const outcome = await tryToPublish(app, row);',
  },
  {
    name: 'a row that cannot be published is marked before its letter is out',
    file: domain('publish/outbox'),
    find: 'await outboxQueue.sendDeadLetter(row, reason);\n',
    replace: 'if (row.tries > 0) await outboxQueue.sendDeadLetter(row, reason);\n',
  },
];

export const EVENT_MUTANTS: Mutant[] = MUTANTS.map((mutant) => ({ ...mutant, world: 'events' }));

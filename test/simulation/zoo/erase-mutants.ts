/** Ways to leave something of a user who is erased, to let it come back, or to take what is others'. */
import type { Mutant } from './mutants.ts';
import { domain, store } from './sources.ts';

export const ERASE_MUTANTS: Mutant[] = [
  {
    name: 'a row begins on a connection that is closed',
    file: store('while-open'),
    find: 'ConditionExpression: isOpen }',
    replace: "ConditionExpression: 'attribute_not_exists(nothing)' }",
  },
  {
    name: 'a question opens the channel of a user',
    file: domain('log/channel-log'),
    find: 'return (by && (await store.create(name, head, by))) ?? head;',
    replace: 'return (await store.create(name, head)) ?? head;',
  },
  {
    name: 'a mark begins without its channel',
    file: store('read-state-store'),
    find: "return (await putIf(dynamodb, first, headOf(userId, epoch))) === 'put';",
    replace: "return (await ifHolds(dynamodb.call('PutItem', first))) !== undefined;",
  },
  {
    name: 'a device whose connection is being closed is told that it begins at the head',
    file: domain('cursor'),
    find: 'if (device === undefined) return undefined;',
    replace: 'if (device === undefined) return head.seq;',
  },
  {
    name: 'erasing forgets the cursors',
    file: domain('erase'),
    find: "'devices', 'cursors', 'members',",
    replace: "'devices', 'members',",
  },
  {
    name: 'erasing does not wait for what may not show yet',
    file: domain('erase'),
    find: 'const SHOWS_WITHIN_MS = 3500;',
    replace: 'const SHOWS_WITHIN_MS = 0;',
  },
  {
    name: 'erasing leaves the head',
    file: domain('erase'),
    find: 'rows += await endEpoch(app, userId, head);',
    replace: '',
  },
  {
    name: 'erasing takes a device of another user, too',
    file: store('user-rows'),
    find: '(Key) => removeRow(tables[kind], Key));',
    replace: `(Key) => removeRow(tables[kind], Key));
      if (kind === 'devices') await removeRow(tables.devices, { userId: 'alice', deviceId: 'phone' });`,
  },
];

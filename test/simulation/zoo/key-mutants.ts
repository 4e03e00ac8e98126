/** Ways to lose or to keep too long what an idempotency key stands for. */
import type { Mutant } from './mutants.ts';
import { domain, store } from './sources.ts';

export const KEY_MUTANTS: Mutant[] = [
  {
    name: 'no idempotency key',
    file: store('idempotency-keys'),
    find: 'const added = idempotency ? [toRecentKey(idempotency, next.seq)] : [];',
    replace: 'const added: RecentKey[] = [];',
  },
  {
    name: 'the payload of a key is not compared',
    file: store('log-store'),
    find: 'const samePayload = standing.payload === hashOfPayload(idempotency.payload);',
    replace: 'const samePayload = true;',
  },
  {
    name: 'a key is kept for ever',
    file: store('recent-keys'),
    find: 'if (toMilliseconds(expiresAt) > now) keys.push',
    replace: 'keys.push',
  },
  {
    name: 'a key falls out of the head and is gone',
    file: store('idempotency-keys'),
    find: 'spilled: fallen };',
    replace: 'spilled: [] };',
  },
  {
    name: 'a key that fell out of the head is not asked for',
    file: store('idempotency-keys'),
    find: '(head.keys?.spilledUntil ?? 0) <= now)',
    replace: 'now > 0)',
  },
  {
    name: 'a key that fell out of the head is asked for with a plain read',
    file: store('idempotency-keys'),
    find: 'const rows = await transactGet<PublishRow>(dynamodb, publishes, [Key]);',
    replace: `const plain = await dynamodb.call('GetItem', { TableName: publishes, Key, ConsistentRead: true });
    const rows = [plain.Item as PublishRow | undefined] as (PublishRow | undefined)[] | 'in_doubt';`,
  },
  {
    name: 'it is forgotten that keys fell out of the head',
    file: store('idempotency-keys'),
    find: '[expected?.keys?.spilledUntil ?? 0, ',
    replace: '[0, ',
  },
  {
    name: 'a key that fell out of the head outlives its numbering',
    file: store('idempotency-keys'),
    find: 'epoch === head.epoch && toMilliseconds',
    replace: 'toMilliseconds',
  },
  {
    name: 'a message without a key takes the keys off the head',
    file: store('idempotency-keys'),
    find: 'const keys = [...readRecentKeys(expected, now), ...added];',
    replace: 'const keys = idempotency ? [...readRecentKeys(expected, now), ...added] : [];',
  },
  {
    name: 'a cached head has no keys',
    file: domain('log/append'),
    find: 'heads.put(request.channel, result.head, request.now);',
    replace: 'heads.put(request.channel, request.next, request.now);',
  },
];

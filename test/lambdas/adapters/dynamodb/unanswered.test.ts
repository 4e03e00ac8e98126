/** Of which messages the application was told, in memory and in DynamoDB: once, whoever comes at once or late. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createLogStore } from '../../../../lambdas/adapters/dynamodb/log-store.ts';
import { createUnanswered } from '../../../../lambdas/adapters/dynamodb/unanswered.ts';
import { type Stored, userChannel } from '../../../../lambdas/domain/model.ts';
import type { LogStore } from '../../../../lambdas/domain/ports/log-store.ts';
import type { Unanswered } from '../../../../lambdas/domain/ports/unanswered.ts';
import { aMessage, NOW } from '../../../support/builders.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { createMemoryLogStore } from '../../../support/memory-log-store.ts';
import { createMemoryUnanswered } from '../../../support/memory-unanswered.ts';

const dynamodb = useDynamoDb();

describe.each<[string, () => { log: LogStore; unanswered: Unanswered }]>([
  [
    'in memory',
    () => {
      const log = createMemoryLogStore();
      return { log, unanswered: createMemoryUnanswered(log) };
    },
  ],
  [
    'in DynamoDB',
    () => {
      const { dynamodb: client, tables } = dynamodb();
      return { log: createLogStore(client, tables), unanswered: createUnanswered(client, tables.messages) };
    },
  ],
])('what was told, %s', (_, create) => {
  const begun = async (seq = 1) => {
    const { log, unanswered } = create();
    const channel = userChannel(randomUUID());
    const message = aMessage({ seq, id: `m${seq}`, escalate: { afterSeconds: 60, unless: 'acked' } });
    const next = { epoch: 'e', seq, updatedAt: NOW };
    const request = { channel: channel.name, expected: undefined, next, message, idempotency: undefined };
    await log.append({ ...request, now: NOW });
    const stored: Stored = { channel, epoch: 'e', message };
    const begin = (now: number) => unanswered.begin(stored, { now, until: now + 1000 });
    return { log, unanswered, stored, next, begin };
  };

  it('is being told by one, until the lease lapses', async () => {
    const { begin } = await begun();
    const outcomes = await Promise.all([begin(1000), begin(1000), begin(1000)]);
    expect(outcomes.sort()).toEqual(['begun', 'taken', 'taken']);
    expect(await begin(1999)).toBe('taken');
    expect(await begin(2000)).toBe('begun');
  });

  it('is over from then on', async () => {
    const { begin, unanswered, stored } = await begun();
    await begin(1000);
    await unanswered.end(stored);
    expect(await begin(9000)).toBe('over');
  });

  it('is nothing of a message that was withdrawn, is gone, or is another by now; and none comes back', async () => {
    const { log, begin, unanswered, stored, next } = await begun();
    const { channel, message } = stored;
    const other = { ...stored, message: { ...message, id: 'another' } };
    const gone = { ...stored, message: { ...message, seq: 7 } };
    for (const absent of [other, gone]) {
      expect(await unanswered.begin(absent, { now: 1, until: 2 })).toBe('over');
      await unanswered.end(absent);
    }
    expect(await log.prove(channel.name, [7])).toEqual({ outcome: 'proven', present: [] });

    await log.append({
      channel: channel.name,
      expected: next,
      next: { ...next, seq: 2 },
      message: aMessage({ seq: 2, id: 'w' }),
      idempotency: undefined,
      withdraws: { ...message, escalate: undefined, withdrawnBy: 2 },
      now: NOW,
    });
    expect(await begin(1000)).toBe('over');
  });
});

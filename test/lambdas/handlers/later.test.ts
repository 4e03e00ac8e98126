/** Which messages of the queue come again. */
import type { SQSRecord } from 'aws-lambda';
import { expect, it } from 'vitest';
import type { Presence } from '../../../lambdas/domain/ports/presence-store.ts';
import { createLaterHandler } from '../../../lambdas/handlers/later.ts';
import { anApp } from '../../support/builders.ts';
import { createMemoryUnanswered } from '../../support/memory-unanswered.ts';

const message = (messageId: string, body: unknown, receives = 1) =>
  ({
    messageId,
    body: JSON.stringify(body),
    attributes: { ApproximateReceiveCount: String(receives) },
  }) as SQSRecord;

it('looks up what each names, and reports those that failed, alone', async () => {
  const app = anApp();
  let found: Presence | undefined = { userId: 'alice', version: '1', closedAt: 7 };
  const handler = createLaterHandler({
    ...app,
    unanswered: createMemoryUnanswered(app.rows),
    presence: {
      find: async () => found,
      markOnline: async () => {},
      markClosed: async () => true,
      async remove() {
        found = undefined;
        return true;
      },
    },
  });
  const Records = [
    message('m1', { userId: 'alice', closedAt: 7 }),
    message('m2', { nothing: true }),
    message('m3', { channel: 'user:alice', epoch: 'e', seq: 1, restSeconds: 1000 }),
  ];
  expect(await handler({ Records })).toEqual({ batchItemFailures: [{ itemIdentifier: 'm2' }] });
  expect(app.events).toEqual([{ detailType: 'User Offline', detail: { userId: 'alice', at: 7 } }]);
  expect(app.escalations).toMatchObject([{ seq: 1, delaySeconds: 900, restSeconds: 100 }]);

  found = { userId: 'alice', version: '2', closedAt: 9 };
  await handler({ Records: [message('m1', { userId: 'alice', closedAt: 7 }, 2)] });
  expect(app.events.at(-1)).toEqual({ detailType: 'User Online', detail: { userId: 'alice', at: 8 } });
});

/** Which records of the stream come again. */
import type { DynamoDBRecord } from 'aws-lambda';
import { expect, it } from 'vitest';
import type { LifecycleApp } from '../../../lambdas/domain/connection/lifecycle.ts';
import { createLifecycleHandler } from '../../../lambdas/handlers/lifecycle.ts';
import { anApp } from '../../support/builders.ts';

const opened = (userId: string, sequence: string): DynamoDBRecord => {
  const keys = { userId: { S: userId }, connectionId: { S: sequence } };
  return {
    dynamodb: {
      SequenceNumber: sequence,
      Keys: keys,
      OldImage: { ...keys, connectedAt: { N: '1' } },
      NewImage: { ...keys, connectedAt: { N: '1' }, readyAt: { N: sequence } },
    },
  };
};

it('reports what failed, and holds back the later records of that user alone', async () => {
  const app = anApp();
  const lifecycle: LifecycleApp = {
    ...app,
    presence: {
      find: async () => undefined,
      async markOnline(userId) {
        if (userId === 'bob') throw new Error('no answer');
      },
      markClosed: async () => true,
      remove: async () => true,
    },
  };
  const Records = [opened('alice', '1'), opened('bob', '2'), opened('bob', '3'), opened('alice', '4')];
  const handler = createLifecycleHandler(lifecycle);
  expect(await handler({ Records })).toEqual({ batchItemFailures: [{ itemIdentifier: '2' }] });
  const told = app.events.filter(({ detailType }) => detailType === 'Connection Opened');
  expect(told.map(({ detail }) => detail.connectionId).sort()).toEqual(['1', '2', '4']);
});

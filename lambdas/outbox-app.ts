/** Puts the Lambda `outbox` together: all that publishes, and what only the outbox has. */
import { createOutboxRows } from './adapters/dynamodb/outbox-rows.ts';
import { createOutboxQueue } from './adapters/queue/outbox.ts';
import { connect } from './app.ts';
import { createQueueSender } from './aws/sqs.ts';
import type { MessageTypes } from './domain/publish/message-types.ts';
import type { OutboxApp } from './domain/publish/outbox.ts';
import { type Env, readAccess } from './env.ts';
import { createPublishingApp } from './publishing-app.ts';

/** `lambda`: its name in the logs. */
export const createOutboxApp = (lambda: string, env: Env, types: MessageTypes): OutboxApp => ({
  ...createPublishingApp(lambda, env, types),
  outboxRows: createOutboxRows(connect(env), env.tables.outbox),
  outboxQueue: createOutboxQueue(
    createQueueSender({ ...env.outboxQueue, readAccess }),
    createQueueSender({ ...env.outboxDeadLetters, readAccess }),
  ),
});

/** The Lambda `outbox` as it is deployed. */
import { messageTypes } from '#message-types';
import { readEnv } from '../env.ts';
import { createOutboxHandler } from '../handlers/outbox.ts';
import { createOutboxApp } from '../outbox-app.ts';

export const handler = createOutboxHandler(createOutboxApp('outbox', readEnv(), messageTypes));

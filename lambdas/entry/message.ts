/** The Lambda `message` as it is deployed. */
import { createApp } from '../app.ts';
import { readEnv } from '../env.ts';
import { createMessageHandler } from '../handlers/message.ts';

export const handler = createMessageHandler(createApp('message', readEnv()), () => import('#stomp'));

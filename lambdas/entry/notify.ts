/** The Lambda `notify` as it is deployed. */
import { messageTypes } from '#message-types';
import { createApp } from '../app.ts';
import { readEnv } from '../env.ts';
import { createNotifyHandler } from '../handlers/notify.ts';

export const handler = createNotifyHandler(createApp('notify', readEnv(), messageTypes));

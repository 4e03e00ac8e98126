/** The Lambda `notify` as it is deployed. */
import { messageTypes } from '#message-types';
import { readEnv } from '../env.ts';
import { createNotifyHandler } from '../handlers/notify.ts';
import { createPublishingApp } from '../publishing-app.ts';

export const handler = createNotifyHandler(createPublishingApp('notify', readEnv(), messageTypes));

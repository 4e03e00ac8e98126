/** The Lambda `topics` as it is deployed. */
import { createApp } from '../app.ts';
import { readEnv } from '../env.ts';
import { createTopicsHandler } from '../handlers/topics.ts';

export const handler = createTopicsHandler(createApp('topics', readEnv()));

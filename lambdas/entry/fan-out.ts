/** The Lambda `fan-out` as it is deployed. */
import { createApp } from '../app.ts';
import { readEnv } from '../env.ts';
import { createFanOutHandler } from '../handlers/fan-out.ts';

export const handler = createFanOutHandler(createApp('fan-out', readEnv()));

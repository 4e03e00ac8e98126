/** The Lambda `fan-out` as it is deployed. */
import { readEnv } from '../env.ts';
import { createFanOutHandler } from '../handlers/fan-out.ts';
import { createPublishingApp } from '../publishing-app.ts';

export const handler = createFanOutHandler(createPublishingApp('fan-out', readEnv()));

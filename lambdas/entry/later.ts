/** The Lambda `later` as it is deployed. */
import { readEnv } from '../env.ts';
import { createLaterHandler } from '../handlers/later.ts';
import { createLaterApp } from '../later-app.ts';

export const handler = createLaterHandler(createLaterApp('later', readEnv()));

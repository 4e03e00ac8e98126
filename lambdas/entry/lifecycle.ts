/** The Lambda `lifecycle` as it is deployed. */
import { readEnv } from '../env.ts';
import { createLifecycleHandler } from '../handlers/lifecycle.ts';
import { createLifecycleApp } from '../lifecycle-app.ts';

export const handler = createLifecycleHandler(createLifecycleApp('lifecycle', readEnv()));

/** The Lambda `disconnect` as it is deployed. */
import { readEnv } from '../env.ts';
import { createDisconnectHandler } from '../handlers/disconnect.ts';
import { createPendingApp } from '../stomp-app.ts';

export const handler = createDisconnectHandler(createPendingApp('disconnect', readEnv()));

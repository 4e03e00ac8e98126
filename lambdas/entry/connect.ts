/** The Lambda `connect` as it is deployed. */
import { readEnv } from '../env.ts';
import { createConnectHandler } from '../handlers/connect.ts';
import { createPendingApp } from '../stomp-app.ts';

export const handler = createConnectHandler(createPendingApp('connect', readEnv()));

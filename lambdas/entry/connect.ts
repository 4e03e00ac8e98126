/** The Lambda `connect` as it is deployed. */
import { createApp } from '../app.ts';
import { readEnv } from '../env.ts';
import { createConnectHandler } from '../handlers/connect.ts';

export const handler = createConnectHandler(createApp('connect', readEnv()));

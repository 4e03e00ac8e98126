/** The Lambda `connect` as it is deployed. */
import { createRowsApp } from '../app.ts';
import { readEnv } from '../env.ts';
import { createConnectHandler } from '../handlers/connect.ts';

export const handler = createConnectHandler(createRowsApp('connect', readEnv()));

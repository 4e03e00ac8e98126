/** The Lambda `disconnect` as it is deployed. */
import { createRowsApp } from '../app.ts';
import { readEnv } from '../env.ts';
import { createDisconnectHandler } from '../handlers/disconnect.ts';

export const handler = createDisconnectHandler(createRowsApp('disconnect', readEnv()));

/** The Lambda `reconcile` as it is deployed. */
import { createApp } from '../app.ts';
import { readEnv } from '../env.ts';
import { createReconcileHandler } from '../handlers/reconcile.ts';

export const handler = createReconcileHandler(createApp('reconcile', readEnv()));

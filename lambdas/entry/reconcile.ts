/** The Lambda `reconcile` as it is deployed. */
import { readEnv } from '../env.ts';
import { createReconcileHandler } from '../handlers/reconcile.ts';
import { createPumpingApp } from '../stomp-app.ts';

export const handler = createReconcileHandler(createPumpingApp('reconcile', readEnv()));

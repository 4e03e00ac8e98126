/** Puts the Lambda `lifecycle` together. */
import { createPresenceStore } from './adapters/dynamodb/presence-store.ts';
import { connect, createBusAndQueues, createSurroundings } from './app.ts';
import type { LifecycleApp } from './domain/connection/lifecycle.ts';
import type { Env } from './env.ts';

/** `lambda`: its name in the logs. */
export const createLifecycleApp = (lambda: string, env: Env): LifecycleApp => ({
  ...createSurroundings(lambda, env),
  ...createBusAndQueues(env),
  presence: createPresenceStore(connect(env), env.tables.presence, Date.now),
});

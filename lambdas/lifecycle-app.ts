/** Puts the Lambda `lifecycle` together. */
import { createPresenceStore } from './adapters/dynamodb/presence-store.ts';
import { createEventBus } from './adapters/event-bus/event-bus.ts';
import { createOfflineChecks } from './adapters/queue/offline-checks.ts';
import { connect, createRowsApp } from './app.ts';
import { createEventSender } from './aws/event-bridge.ts';
import { createQueueSender } from './aws/sqs.ts';
import type { LifecycleApp } from './domain/connection/lifecycle.ts';
import { type Env, readAccess } from './env.ts';

/** `lambda`: its name in the logs. */
export const createLifecycleApp = (lambda: string, env: Env): LifecycleApp => ({
  ...createRowsApp(lambda, env),
  bus: createEventBus(createEventSender({ ...env.eventBus, readAccess })),
  presence: createPresenceStore(connect(env), env.tables.presence, Date.now),
  offlineChecks: createOfflineChecks(createQueueSender({ ...env.presenceQueue, readAccess })),
});

/** Puts the Lambda `later` together: what looking up takes, and the bus that is told. */
import { createLogStore } from './adapters/dynamodb/log-store.ts';
import { createPresenceStore } from './adapters/dynamodb/presence-store.ts';
import { createStores } from './adapters/dynamodb/stores.ts';
import { createUnanswered } from './adapters/dynamodb/unanswered.ts';
import { connect, createBusAndQueues, createSurroundings } from './app.ts';
import type { OfflineApp } from './domain/connection/lifecycle.ts';
import type { EscalationApp } from './domain/escalation.ts';
import { createChannelLog } from './domain/log/channel-log.ts';
import type { Env } from './env.ts';

/** `lambda`: its name in the logs. */
export function createLaterApp(lambda: string, env: Env): EscalationApp & OfflineApp {
  const dynamodb = connect(env);
  const surroundings = createSurroundings(lambda, env);
  const { clock } = surroundings;
  return {
    ...surroundings,
    ...createStores(dynamodb, env.tables, clock.now),
    ...createBusAndQueues(env),
    log: createChannelLog({ store: createLogStore(dynamodb, env.tables), ...surroundings }),
    presence: createPresenceStore(dynamodb, env.tables.presence, clock.now),
    unanswered: createUnanswered(dynamodb, env.tables.messages),
  };
}

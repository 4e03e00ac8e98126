/** The Lambdas around the events, with their real handlers and stores, each invocation with a fate of its own. */
import { createLogStore } from '../../../lambdas/adapters/dynamodb/log-store.ts';
import { createOutboxRows } from '../../../lambdas/adapters/dynamodb/outbox-rows.ts';
import { createPresenceStore } from '../../../lambdas/adapters/dynamodb/presence-store.ts';
import { createStores } from '../../../lambdas/adapters/dynamodb/stores.ts';
import { createUnanswered } from '../../../lambdas/adapters/dynamodb/unanswered.ts';
import { createLater } from '../../../lambdas/adapters/queue/later.ts';
import { createOutboxQueue } from '../../../lambdas/adapters/queue/outbox.ts';
import type { App } from '../../../lambdas/domain/app.ts';
import type { OfflineApp } from '../../../lambdas/domain/connection/lifecycle.ts';
import { Busy } from '../../../lambdas/domain/errors.ts';
import type { EscalationApp } from '../../../lambdas/domain/escalation.ts';
import { createChannelLog } from '../../../lambdas/domain/log/channel-log.ts';
import type { OutboxApp } from '../../../lambdas/domain/publish/outbox.ts';
import { createLaterHandler } from '../../../lambdas/handlers/later.ts';
import { createLifecycleHandler } from '../../../lambdas/handlers/lifecycle.ts';
import { createNotifyHandler } from '../../../lambdas/handlers/notify.ts';
import { createOutboxHandler } from '../../../lambdas/handlers/outbox.ts';
import { LAMBDAS } from '../../../lambdas/manifest.ts';
import { anApp } from '../../support/builders.ts';
import { createSimulatedDynamoDb, TABLE_NAMES } from '../dynamodb/client.ts';
import { Invocation, type Outcome } from '../world/invocation.ts';
import type { EventsWorld } from './world.ts';

const HANDLERS = {
  notify: createNotifyHandler,
  later: createLaterHandler,
  lifecycle: createLifecycleHandler,
  outbox: createOutboxHandler,
};

export type EventLambda = keyof typeof HANDLERS;
type EventsApp = OutboxApp & OfflineApp & EscalationApp;

let ids = 0;

export function invoke(world: EventsWorld, name: EventLambda, event: unknown): Promise<Outcome> {
  return run(
    world,
    name,
    async (app, context) => await HANDLERS[name](app)(event as never, context as never),
  );
}

/** Something of others that meets no fault; but it may meet an append under way, and then comes again. */
export async function performed(world: EventsWorld, work: (app: App) => Promise<unknown>): Promise<void> {
  const calm = { ...world, faults: world.noFaults };
  let outcome = await run(calm, 'notify', work);
  while (outcome.kind === 'failed' && outcome.error instanceof Busy)
    outcome = await run(calm, 'notify', work);
  if (outcome.kind !== 'returned') throw new Error(`it met a fault: ${JSON.stringify(outcome)}`);
}

type Surroundings = Pick<
  EventsWorld,
  'scheduler' | 'random' | 'faults' | 'database' | 'checks' | 'queues' | 'deadLetters'
>;

async function run(
  world: Surroundings,
  name: EventLambda,
  work: (app: EventsApp, context: object) => Promise<unknown>,
): Promise<Outcome> {
  const { scheduler, random } = world;
  await scheduler.sleep(random.logarithmic(1, 60));
  return await new Promise((resolve) => {
    const invocation = new Invocation(++ids, name, 0, { ...world, isQuick: false }, resolve);
    const timeoutMs = LAMBDAS[name].timeoutSeconds * 1000;
    scheduler.after(timeoutMs, () => invocation.crash());
    const context = { awsRequestId: `r${ids}`, getRemainingTimeInMillis: () => timeoutMs };
    work(appOf(world, invocation), context).then(
      (value) => invocation.finish({ kind: 'returned', value }),
      (error) => invocation.finish({ kind: 'failed', error }),
    );
  });
}

function appOf({ database, random, checks, queues, deadLetters }: Surroundings, invocation: Invocation) {
  const now = () => invocation.now;
  const dynamodb = createSimulatedDynamoDb(database, invocation, checks);
  const clock = { now, sleep: (milliseconds: number) => invocation.sleep(milliseconds) };
  const newIds = { next: () => `id-${++ids}`, random: () => random.next() };
  const call = (effect: () => void) =>
    invocation.call<void>(
      'Queue',
      (done) => done({ value: effect() }),
      () => ({ error: new Error('simulated: no answer') }),
    );
  const base = anApp({ clock, ids: newIds });
  const send =
    (queue: 'later' | 'outbox') =>
    ({ body, delaySeconds }: { body: string; delaySeconds: number }) =>
      call(() => queues[queue].send(body, delaySeconds));
  return {
    ...base,
    settings: { ...base.settings, defaultRetentionSeconds: 7 * 24 * 3600 },
    ...createStores(dynamodb, TABLE_NAMES, now),
    log: createChannelLog({
      store: createLogStore(dynamodb, TABLE_NAMES),
      ...{ clock, ids: newIds, logger: base.logger },
    }),
    bus: {
      put: (detailType: string, detail: Record<string, unknown>) =>
        call(() => checks.told(detailType, detail, invocation.startedAt)),
    },
    later: createLater({ reconcile: async () => {}, later: send('later') }),
    presence: createPresenceStore(dynamodb, TABLE_NAMES.presence, now),
    unanswered: createUnanswered(dynamodb, TABLE_NAMES.messages),
    outboxRows: createOutboxRows(dynamodb, TABLE_NAMES.outbox),
    outboxQueue: createOutboxQueue(send('outbox'), ({ body }) => call(() => void deadLetters.push(body))),
  };
}

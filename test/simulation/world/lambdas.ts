/** Lambda: starts the real handlers, each invocation on ports, a clock and a fate of its own. */
import { createLogStore } from '../../../lambdas/adapters/dynamodb/log-store.ts';
import { createPendingStore } from '../../../lambdas/adapters/dynamodb/pending-store.ts';
import { createSocketStore } from '../../../lambdas/adapters/dynamodb/socket-store.ts';
import { createStores } from '../../../lambdas/adapters/dynamodb/stores.ts';
import { createUserRows } from '../../../lambdas/adapters/dynamodb/user-rows.ts';
import { createFanOutQueue } from '../../../lambdas/adapters/queue/fan-out.ts';
import { createLater } from '../../../lambdas/adapters/queue/later.ts';
import type { SqsMessage } from '../../../lambdas/aws/sqs.ts';
import { createAcceptances } from '../../../lambdas/domain/connection/acceptances.ts';
import type { EraseApp } from '../../../lambdas/domain/erase.ts';
import { createChannelLog } from '../../../lambdas/domain/log/channel-log.ts';
import { createHeadCache } from '../../../lambdas/domain/log/head-cache.ts';
import type { PostOutcome } from '../../../lambdas/domain/ports/gateway.ts';
import { createFrameRates } from '../../../lambdas/domain/session/frame-rates.ts';
import type { StompApp } from '../../../lambdas/domain/stomp/app.ts';
import { deliverNext } from '../../../lambdas/domain/stomp/deliver-next.ts';
import { receiveStomp } from '../../../lambdas/domain/stomp/session.ts';
import { createAuthorizerHandler } from '../../../lambdas/handlers/authorizer.ts';
import { createConnectHandler } from '../../../lambdas/handlers/connect.ts';
import { createDisconnectHandler } from '../../../lambdas/handlers/disconnect.ts';
import type { Invocation as InvocationContext } from '../../../lambdas/handlers/events.ts';
import { createFanOutHandler } from '../../../lambdas/handlers/fan-out.ts';
import { createMessageHandler } from '../../../lambdas/handlers/message.ts';
import { createNotifyHandler } from '../../../lambdas/handlers/notify.ts';
import { createReconcileHandler } from '../../../lambdas/handlers/reconcile.ts';
import { createTopicsHandler } from '../../../lambdas/handlers/topics.ts';
import { createUsersHandler } from '../../../lambdas/handlers/users.ts';
import { LAMBDAS, type LambdaName } from '../../../lambdas/manifest.ts';
import { dialectOf } from '../../../lambdas/wire/dialect.ts';
import { encodeForAll } from '../../../lambdas/wire/stomp/encode-all.ts';
import { stompFrames } from '../../../lambdas/wire/stomp/read.ts';
import { createSimulatedDynamoDb, TABLE_NAMES } from '../dynamodb/client.ts';
import { Invocation, type Outcome, type Result } from './invocation.ts';
import { createSimulatedLogger } from './log.ts';
import { verifyToken } from './tokens.ts';
import type { World } from './world.ts';

const CALLBACK_URL = 'https://gateway.simulated/stage';
const MAX_SKEW_MS = 5000;

/** As `handlers/reconcile.ts` says. */
const REPLAY_MARGIN_MS = 60_000;

/** As `handlers/fan-out.ts` says. */
const RANGE_MARGIN_MS = 30_000;

/** Of each Lambda, warm at the same time. */
const INSTANCES = 3;

/** What the invocations on one instance share. */
const createMemory = (frameRate: number) => ({
  heads: createHeadCache(),
  acceptances: createAcceptances(),
  frameRates: createFrameRates(frameRate),
});
type Memory = ReturnType<typeof createMemory>;

type Handler = (event: never, context: InvocationContext) => Promise<unknown>;

/** What Lambdas that meet clients of STOMP have besides. */
type AllApp = EraseApp & StompApp;

/** Those that take an app: all but the authorizer. */
const HANDLERS = {
  connect: createConnectHandler,
  disconnect: createDisconnectHandler,
  'fan-out': createFanOutHandler,
  message: (app: AllApp) =>
    createMessageHandler(app, async () => ({
      receive: (_app, sender, text) => receiveStomp(app, sender, stompFrames(text)),
    })),
  notify: createNotifyHandler,
  reconcile: createReconcileHandler,
  topics: createTopicsHandler,
  users: createUsersHandler,
} satisfies Partial<Record<LambdaName, (app: AllApp) => Handler>>;

export type SimulatedLambda = keyof typeof HANDLERS | 'authorizer';

export class Lambdas {
  invocations = 0;
  readonly #world: World;
  #ids = 0;
  readonly #memories: (Memory | undefined)[] = [];
  readonly #running = new Set<Invocation>();

  constructor(world: World) {
    this.#world = world;
  }

  async invoke(name: SimulatedLambda, event: unknown, awsRequestId = this.#id()): Promise<Outcome> {
    const { scheduler, random, faults } = this.#world;
    const slow = faults.strikes('Lambda', 'slow start');
    await scheduler.sleep(slow ? random.logarithmic(400, 8000) : random.logarithmic(1, 60));
    return await new Promise((end) => {
      const number = ++this.invocations;
      const invocation = new Invocation(number, name, this.#clockOffset(), this.#world, (outcome) => {
        this.#running.delete(invocation);
        end(outcome);
      });
      this.#running.add(invocation);
      this.#world.trace(`#${number} ${name} starts`);
      const timeoutMs = this.#timeoutMs(name);
      scheduler.after(timeoutMs, () => invocation.crash());
      const endsAt = scheduler.now + timeoutMs;
      const context = { awsRequestId, getRemainingTimeInMillis: () => endsAt - scheduler.now };
      this.#world.judge.invoked(invocation, event);
      this.#run(invocation, event, context).then(
        (value) => this.#finish(invocation, { kind: 'returned', value }),
        (error) => this.#finish(invocation, { kind: 'failed', error }),
      );
    });
  }

  /** A deployment: nothing that runs goes on. */
  killAll(): void {
    for (const invocation of [...this.#running]) invocation.crash();
  }

  #finish(invocation: Invocation, outcome: Outcome): void {
    if (invocation.dead) return;
    this.#world.judge.finished(invocation, outcome);
    this.#world.trace(`#${invocation.id} ${invocation.lambda} ${describe(outcome)}`);
    invocation.finish(outcome);
  }

  async #run(invocation: Invocation, event: unknown, context: InvocationContext): Promise<unknown> {
    const { lambda } = invocation;
    const logger = createSimulatedLogger(this.#world, invocation);
    if (lambda === 'authorizer') {
      const verify = verifyToken(() => invocation.now);
      const handler = createAuthorizerHandler({ verify, allowedOrigins: undefined, stomp: true, logger });
      return await handler(event as never);
    }
    return await HANDLERS[lambda as keyof typeof HANDLERS](this.#app(invocation))(event as never, context);
  }

  #app(invocation: Invocation): AllApp {
    const { database, judge, plan, random, sockets, settings, retries } = this.#world;
    const memory = this.#memoryOf(invocation);
    const now = () => invocation.now;
    const dynamodb = createSimulatedDynamoDb(database, invocation, judge);
    const store = createLogStore(dynamodb, TABLE_NAMES, { maxRecentKeys: plan.maxRecentKeys });
    const clock = { now, sleep: (milliseconds: number) => invocation.sleep(milliseconds) };
    const ids = { next: () => this.#id(), random: () => random.next() };
    const logger = createSimulatedLogger(this.#world, invocation);
    const call = (action: 'post' | 'close', connectionId: string, frame: string) => {
      judge.calledGateway(invocation, action, connectionId, frame);
      return invocation.call<PostOutcome>(
        'Gateway',
        (done) => done({ value: sockets.manage(invocation, action, connectionId, frame) }),
        (kind) => {
          const socket = sockets.all.get(connectionId);
          if (kind === 'gone' && socket) judge.places.goneThoughOpen(socket);
          return { value: kind === 'unreachable' ? 'failed' : kind };
        },
      );
    };
    const app: AllApp = {
      ...createStores(dynamodb, TABLE_NAMES, now),
      sockets: createSocketStore(dynamodb, TABLE_NAMES, now),
      pending: createPendingStore(dynamodb, TABLE_NAMES, now),
      verify: (token) => verifyToken(now)(token).catch(() => undefined),
      loadPump: async () => ({ deliverNext: (_app, ...rest) => deliverNext(app, ...rest) }),
      userRows: createUserRows(dynamodb, TABLE_NAMES, now),
      log: createChannelLog({ store, heads: memory.heads, clock, ids, logger }),
      gateway: {
        post: ({ connectionId, dialect }, frame) => call('post', connectionId, encodeForAll(dialect, frame)),
        close: ({ connectionId }) => call('close', connectionId, ''),
      },
      later: createLater({
        reconcile: ({ body, delaySeconds }) =>
          invocation.call<void>(
            'Queue',
            (done) => done({ value: retries.send(body, delaySeconds) }),
            () => ({ error: new Error('SQS does not answer') }),
          ),
        later: () => Promise.reject(new Error('nothing is to be looked up here')),
      }),
      fanOut: createFanOutQueue((messages) =>
        invocation.call<void>(
          'FanOutQueue',
          (done) => done(this.#sendFanOuts(invocation, messages)),
          () => ({ error: new Error('SQS does not answer') }),
        ),
      ),
      bus: { put: async () => {} },
      acceptances: memory.acceptances,
      frameRates: memory.frameRates,
      cutReplay: (dialect, range) => dialectOf(dialect).replay(range),
      fitHistory: (dialect, frame) => dialectOf(dialect).fitHistory(frame),
      clock,
      ids,
      logger,
      settings: { ...settings, callbackUrl: CALLBACK_URL },
      types: {},
    };
    return app;
  }

  /** Of several batches, some may be taken and the others not. */
  #sendFanOuts({ lambda }: Invocation, messages: SqsMessage[]): Result<void> {
    const { faults, random, fanOuts, judge } = this.#world;
    judge.places.queued(lambda, messages.length);
    const isPartly = faults.strikes('FanOuts', 'partly taken');
    const taken = isPartly ? messages.slice(0, random.integer(0, messages.length - 1)) : messages;
    for (const { body, delaySeconds } of taken) fanOuts.send(body, delaySeconds);
    return isPartly ? { error: new Error('SQS did not take all messages') } : { value: undefined };
  }

  /** An invocation finds what one before it has left, on whichever instance it lands; what a crash takes along is lost. */
  #memoryOf(invocation: Invocation): Memory {
    const instance = this.#world.plan.situation === 'restore at once' ? 0 : invocation.id % INSTANCES;
    const memory = this.#memories[instance] ?? createMemory(this.#world.settings.frameRate);
    this.#memories[instance] = memory;
    invocation.onCrash(() => {
      if (this.#memories[instance] === memory) delete this.#memories[instance];
    });
    return memory;
  }

  /** With little time a Lambda has hardly any before it must not begin another window, or another page. */
  #timeoutMs(name: SimulatedLambda): number {
    const { plan, random } = this.#world;
    if (plan.situation === 'long fan-outs' && name === 'fan-out')
      return RANGE_MARGIN_MS + random.logarithmic(1, 1000);
    if (plan.situation === 'short deadlines' && name === 'reconcile')
      return REPLAY_MARGIN_MS + random.logarithmic(1, 1000);
    return LAMBDAS[name].timeoutSeconds * 1000;
  }

  #clockOffset(): number {
    const { faults, random } = this.#world;
    if (faults.strikes('Lambda', 'clock ahead')) return random.integer(1, MAX_SKEW_MS);
    if (faults.strikes('Lambda', 'clock behind')) return -random.integer(1, MAX_SKEW_MS);
    return 0;
  }

  #id(): string {
    return `00000000-0000-7000-8000-${String(++this.#ids).padStart(12, '0')}`;
  }
}

const describe = (outcome: Outcome): string =>
  outcome.kind === 'failed' ? `failed: ${String(outcome.error)}` : outcome.kind;

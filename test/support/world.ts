/** The whole domain on memory, a clock that stands still but for sleeps, and sockets that do as the test says. */
import { createAcceptances } from '../../lambdas/domain/connection/acceptances.ts';
import { type NewConnection, openConnection } from '../../lambdas/domain/connection/open.ts';
import type { EraseApp } from '../../lambdas/domain/erase.ts';
import { createChannelLog } from '../../lambdas/domain/log/channel-log.ts';
import type { Channel, Connection } from '../../lambdas/domain/model.ts';
import type { Clock, Ids } from '../../lambdas/domain/ports/clock.ts';
import type { FanOutTask } from '../../lambdas/domain/ports/fan-out.ts';
import type { Gateway, PostOutcome } from '../../lambdas/domain/ports/gateway.ts';
import type { EscalationTask, ReconcileRequest } from '../../lambdas/domain/ports/later.ts';
import type { LogStore } from '../../lambdas/domain/ports/log-store.ts';
import { serveRange } from '../../lambdas/domain/publish/fan-out.ts';
import type { Published } from '../../lambdas/domain/publish/publish.ts';
import { createFrameRates } from '../../lambdas/domain/session/frame-rates.ts';
import { reconcile } from '../../lambdas/domain/session/reconcile.ts';
import type { Settings } from '../../lambdas/domain/settings.ts';
import type { MessageFrame, ReplayFrame, ServerFrame } from '../../lambdas/protocol/frames.ts';
import type { Notification } from '../../lambdas/protocol/notification.ts';
import { dialectOf } from '../../lambdas/wire/dialect.ts';
import type { BusEvent } from './builders.ts';
import { createMemoryLogStore, type MemoryLogStore } from './memory-log-store.ts';
import { createMemoryLogger } from './memory-logger.ts';
import { storesOn } from './memory-stores.ts';
import { createMemoryTables, type ReplayRequest } from './memory-tables.ts';
import { createMemoryUserRows } from './memory-user-rows.ts';
import { publishTo } from './publish.ts';

export const START = Date.UTC(2026, 0, 1);
const DAY_MS = 24 * 3_600_000;

/** For longer than a frame is tried in place. */
export const refusing = (outcome: PostOutcome = 'throttled'): PostOutcome[] => Array(12).fill(outcome);

/** One WebSocket, seen from the client's end. */
export class Socket {
  state: 'opening' | 'open' | 'closed' = 'open';
  frames: ServerFrame[] = [];
  /** What the next posts come to instead of being sent. */
  refusals: PostOutcome[] = [];
  /** Called before each post. */
  beforePost: () => void = () => {};

  get messages() {
    return this.frames.flatMap((frame) =>
      frame.event === 'message' ? [frame] : frame.event === 'replay' ? frame.messages : [],
    );
  }

  get live(): MessageFrame[] {
    return this.frames.filter((frame) => frame.event === 'message');
  }

  get replays(): ReplayFrame[] {
    return this.frames.filter((frame) => frame.event === 'replay');
  }
}

interface Overrides extends Partial<Omit<EraseApp, 'settings'>> {
  rows?: MemoryLogStore;
  settings?: Partial<Settings>;
}

export class World {
  now = START;
  readonly sockets = new Map<string, Socket>();
  readonly requests: ReplayRequest[] = [];
  /** What the queue will ask for. */
  readonly queued: (ReconcileRequest & { dueAt: number })[] = [];
  /** What is to be looked up later, and nobody has. */
  readonly escalations: (EscalationTask & { delaySeconds: number })[] = [];
  /** What the fan-out queue was given, and nobody has served yet. */
  readonly tasks: FanOutTask[] = [];
  /** What the application's bus was given. */
  readonly events: BusEvent[] = [];
  readonly logger = createMemoryLogger();
  /** What the app's log stands on. */
  readonly rows: MemoryLogStore;
  readonly app: EraseApp;
  #lastId = 0;

  constructor({ rows, settings, ...overrides }: Overrides = {}) {
    const now = () => this.now;
    const tables = createMemoryTables((request) => this.requests.push(request));
    this.rows = rows ?? createMemoryLogStore(undefined, tables.isOpen);
    const clock: Clock = {
      now,
      sleep: async (milliseconds) => {
        this.now += milliseconds;
      },
    };
    const ids: Ids = {
      next: () => `00000000-0000-7000-8000-${String(++this.#lastId).padStart(12, '0')}`,
      random: () => 0.5,
    };
    const { logger } = this;
    this.app = {
      ...storesOn(tables, now, this.rows),
      userRows: createMemoryUserRows(tables, this.rows, now),
      log: createChannelLog({ store: this.rows, clock, ids, logger }),
      gateway: this.#gateway(),
      later: {
        reconcile: async (request, delaySeconds) => {
          this.queued.push({ ...request, dueAt: this.now + delaySeconds * 1000 });
        },
        escalate: async (task, delaySeconds) => void this.escalations.push({ ...task, delaySeconds }),
        checkOffline: async () => {},
      },
      fanOut: { send: async (tasks) => void this.tasks.push(...tasks) },
      bus: { put: async (detailType, detail) => void this.events.push({ detailType, detail }) },
      acceptances: createAcceptances(),
      frameRates: createFrameRates(1_000),
      cutReplay: (dialect, range) => dialectOf(dialect).replay(range),
      fitHistory: (dialect, frame) => dialectOf(dialect).fitHistory(frame),
      clock,
      ids,
      logger,
      settings: {
        callbackUrl: 'https://api.example/prod',
        maxConnectionsPerUser: 10,
        maxDevicesPerUser: 1_000,
        frameRate: 1_000,
        maxSubscriptions: 100,
        everyone: false,
        openTopics: [],
        fanOutPage: 256,
        fanOutRate: 5_000,
        appMessages: false,
        events: true,
        offlineAfterSeconds: 30,
        defaultRetentionSeconds: 7 * 24 * 3600,
        closedTypes: false,
        logSampling: 100,
        ...settings,
      },
      types: {},
      ...overrides,
    };
  }

  #gateway(): Gateway {
    const outcome = (connectionId: string): PostOutcome => {
      const socket = this.sockets.get(connectionId);
      return socket?.refusals.shift() ?? (socket?.state === 'open' ? 'sent' : 'gone');
    };
    return {
      post: async ({ connectionId, dialect }, frame) => {
        const socket = this.sockets.get(connectionId);
        socket?.beforePost();
        const result = outcome(connectionId);
        if (result === 'sent') socket?.frames.push(JSON.parse(dialectOf(dialect).encode(frame)));
        return result;
      },
      close: async ({ connectionId }) => {
        const socket = this.sockets.get(connectionId);
        if (socket?.state !== 'open') return 'gone';
        socket.state = 'closed';
        return 'sent';
      },
    };
  }

  /** The row and the open socket of a connection the stream has not driven yet. */
  async open(userId: string, deviceId?: string, options: Partial<NewConnection> = {}): Promise<Socket> {
    const connectionId = `${userId}-${deviceId ?? 'anonymous'}-${++this.#lastId}`;
    const socket = new Socket();
    this.sockets.set(connectionId, socket);
    await openConnection(this.app, {
      userId,
      connectionId,
      deviceId,
      dialect: 'herald.v1',
      ackMode: 'auto',
      handover: false,
      connectedAt: this.now,
      tokenExpiresAt: this.now + DAY_MS,
      ...options,
    });
    return socket;
  }

  /** A device that is ready and has caught up. */
  async device(userId: string, deviceId?: string, options?: Partial<NewConnection>): Promise<Socket> {
    const socket = await this.open(userId, deviceId, options);
    await this.drive();
    return socket;
  }

  /** Runs what the streams and the queues are asked for, and what that asks for in turn, until all is at rest. */
  async drive(deadlineAt = Number.POSITIVE_INFINITY): Promise<void> {
    while (await this.#step(deadlineAt));
  }

  /** False: all is at rest. What waits for its time comes last. */
  async #step(deadlineAt: number): Promise<boolean> {
    const asked = this.requests.shift();
    const task = asked ? undefined : this.tasks.shift();
    if (task) {
      await serveRange(this.app, task, { deadlineAt, perSecond: this.app.settings.fanOutRate });
      return true;
    }
    const request = asked ?? this.#nextQueued();
    if (request) await reconcile(this.app, request, deadlineAt);
    return request !== undefined;
  }

  #nextQueued(): ReconcileRequest | undefined {
    const queued = this.queued.sort((one, other) => one.dueAt - other.dueAt).shift();
    if (queued) this.now = Math.max(this.now, queued.dueAt);
    return queued;
  }

  /** `to`: a user, or another channel. */
  async publish(
    to: string | Channel,
    data: unknown,
    options: Partial<Notification> = {},
  ): Promise<Published> {
    return await publishTo(this.app, to, data, options);
  }

  async connectionsOf(userId: string): Promise<Connection[]> {
    return await this.app.connections.list(userId);
  }

  async cursor(userId: string, deviceId: string): Promise<number | undefined> {
    const device = await this.app.devices.find({ userId, deviceId });
    return device?.cursors.get(`user:${userId}`)?.seq;
  }

  /** Where a device stands in a channel that is not its user's own. */
  async cursorIn({ name }: Channel, userId: string, deviceId: string): Promise<number | undefined> {
    const device = await this.app.cursors.find({ userId, deviceId: `${name}#${deviceId}` });
    return device?.cursors.get(name)?.seq;
  }
}

/** A log whose calls do what the test says; whatever it does not name is the memory's. */
export const rowsWith = (log: MemoryLogStore, overrides: Partial<LogStore>): MemoryLogStore => ({
  ...log,
  ...overrides,
});

/** The whole domain on memory, a clock that stands still but for sleeps, and sockets that do as the test says. */
import type { App } from '../../lambdas/domain/app.ts';
import { connect, type NewConnection } from '../../lambdas/domain/connection/open.ts';
import { createHeadCache } from '../../lambdas/domain/log/head-cache.ts';
import type { Connection, Gateway, MessageLog, PostOutcome } from '../../lambdas/domain/ports.ts';
import { type Published, publish } from '../../lambdas/domain/publish/publish.ts';
import { drive } from '../../lambdas/domain/session/replay.ts';
import type { MessageFrame, ReplayFrame, ServerFrame } from '../../lambdas/protocol/frames.ts';
import type { Notification } from '../../lambdas/protocol/notification.ts';
import { createMemoryConnectionStore, type ReplayRequest } from './memory-connection-store.ts';
import { createMemoryDeviceStore } from './memory-device-store.ts';
import { createMemoryLogger } from './memory-logger.ts';
import { createMemoryMessageLog } from './memory-message-log.ts';

export const START = Date.UTC(2026, 0, 1);
const DAY_MS = 24 * 3_600_000;

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

export class World {
  now = START;
  readonly sockets = new Map<string, Socket>();
  readonly requests: ReplayRequest[] = [];
  readonly logger = createMemoryLogger();
  readonly log = createMemoryMessageLog();
  readonly app: App;
  #lastId = 0;

  constructor(overrides: Partial<App> = {}) {
    const now = () => this.now;
    this.app = {
      connections: createMemoryConnectionStore(now, (request) => this.requests.push(request)),
      devices: createMemoryDeviceStore(now),
      log: this.log,
      heads: createHeadCache(),
      gateway: this.#gateway(),
      clock: {
        now,
        sleep: async (milliseconds) => {
          this.now += milliseconds;
        },
      },
      ids: {
        next: () => `00000000-0000-7000-8000-${String(++this.#lastId).padStart(12, '0')}`,
        random: () => 0.5,
      },
      logger: this.logger,
      settings: {
        callbackUrl: 'https://api.example/prod',
        maxConnectionsPerUser: 10,
        defaultRetentionSeconds: 7 * 24 * 3600,
        closedTypes: false,
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
      post: async ({ connectionId }, frame) => {
        const socket = this.sockets.get(connectionId);
        socket?.beforePost();
        const result = outcome(connectionId);
        if (result === 'sent') socket?.frames.push(JSON.parse(frame));
        return result;
      },
      close: async ({ connectionId }) => {
        const result = outcome(connectionId);
        const socket = this.sockets.get(connectionId);
        if (socket && result === 'sent') socket.state = 'closed';
        return result;
      },
    };
  }

  /** The row and the open socket of a connection the stream has not driven yet. */
  async open(userId: string, deviceId?: string, options: Partial<NewConnection> = {}): Promise<Socket> {
    const connectionId = `${userId}-${deviceId ?? 'anonymous'}-${++this.#lastId}`;
    const socket = new Socket();
    this.sockets.set(connectionId, socket);
    await connect(this.app, {
      userId,
      connectionId,
      deviceId,
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

  /** Runs what the stream was asked for, and what that asks for in turn. */
  async drive(deadlineAt = Number.POSITIVE_INFINITY): Promise<void> {
    for (let request = this.requests.shift(); request; request = this.requests.shift()) {
      await drive(this.app, request, request.after, deadlineAt);
    }
  }

  async publish(userId: string, data: unknown, options: Partial<Notification> = {}): Promise<Published> {
    const notification: Notification = {
      users: [userId],
      type: 'test',
      data,
      id: undefined,
      excludeDeviceId: undefined,
      retentionSeconds: undefined,
      ...options,
    };
    const [result] = (await publish(this.app, notification)).results;
    if (!result || 'error' in result) throw new Error(`not published: ${JSON.stringify(result)}`);
    return result;
  }

  async connectionsOf(userId: string): Promise<Connection[]> {
    return await this.app.connections.list(userId);
  }

  async cursor(userId: string, deviceId: string): Promise<number | undefined> {
    const device = await this.app.devices.find({ userId, deviceId });
    return device?.cursors.get(`user:${userId}`)?.seq;
  }
}

/** A log whose calls do what the test says; whatever it does not name is the memory's. */
export const logWith = (log: MessageLog, overrides: Partial<MessageLog>): MessageLog => ({
  ...log,
  ...overrides,
});

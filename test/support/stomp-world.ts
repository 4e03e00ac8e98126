/**
 * Clients of STOMP, their rows in a real DynamoDB; a clock that stands still but for sleeps, and a gateway that does as the test
 * says.
 */
import { randomUUID } from 'node:crypto';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { createLogStore } from '../../lambdas/adapters/dynamodb/log-store.ts';
import { createPendingStore } from '../../lambdas/adapters/dynamodb/pending-store.ts';
import { socketKey } from '../../lambdas/adapters/dynamodb/socket-rows.ts';
import { createSocketStore } from '../../lambdas/adapters/dynamodb/socket-store.ts';
import { createStores } from '../../lambdas/adapters/dynamodb/stores.ts';
import { createChannelLog } from '../../lambdas/domain/log/channel-log.ts';
import { type Channel, userChannel } from '../../lambdas/domain/model.ts';
import type { Clock } from '../../lambdas/domain/ports/clock.ts';
import type { PostOutcome } from '../../lambdas/domain/ports/gateway.ts';
import type { ReconcileRequest } from '../../lambdas/domain/ports/later.ts';
import type { Published } from '../../lambdas/domain/publish/publish.ts';
import { reconcile } from '../../lambdas/domain/session/reconcile.ts';
import type { Settings } from '../../lambdas/domain/settings.ts';
import type { StompApp, StompIdentity } from '../../lambdas/domain/stomp/app.ts';
import { deliverNext } from '../../lambdas/domain/stomp/deliver-next.ts';
import { admitPending } from '../../lambdas/domain/stomp/pending.ts';
import { pump } from '../../lambdas/domain/stomp/pump.ts';
import { receiveStomp } from '../../lambdas/domain/stomp/session.ts';
import type { Notification } from '../../lambdas/protocol/notification.ts';
import { isSocketName } from '../../lambdas/protocol/socket-names.ts';
import { encodeForAll } from '../../lambdas/wire/stomp/encode-all.ts';
import { unescapeHeader } from '../../lambdas/wire/stomp/escapes.ts';
import { framesIn } from '../../lambdas/wire/stomp/grammar.ts';
import { stompFrames } from '../../lambdas/wire/stomp/read.ts';
import { anApp, type BusEvent, type TestApp } from './builders.ts';
import type { TestDynamoDb } from './dynoxide.ts';
import { publishTo } from './publish.ts';

export const START = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;

/** A frame as its client reads it. */
export interface Heard {
  command: string;
  headers: Record<string, string>;
  body: string;
}

export class StompWorld {
  now = START;
  readonly app: StompApp;
  readonly clients = new Map<string, StompClient>();
  /** What tokens stand for; one that is not here is bad. */
  readonly tokens = new Map<string, Partial<StompIdentity>>();
  readonly queued: (ReconcileRequest & { dueAt: number })[] = [];
  /** How often the stores were asked, by what for. */
  readonly calls: string[] = [];
  readonly events: BusEvent[];
  readonly logger: TestApp['logger'];
  readonly #running: TestDynamoDb;
  #ids = 0;

  constructor(running: TestDynamoDb, settings: Partial<Settings> = {}) {
    this.#running = running;
    const { tables } = running;
    const dynamodb: TestDynamoDb['dynamodb'] = {
      ...running.dynamodb,
      call: (operation, input) => {
        this.calls.push(operation);
        return running.dynamodb.call(operation, input);
      },
    };
    const now = () => this.now;
    const clock: Clock = { now, sleep: async (milliseconds: number) => this.#pass(milliseconds) };
    const ids = { next: () => `${randomUUID().slice(0, 8)}-${++this.#ids}`, random: () => 0.5 };
    const base = anApp({ clock, ids });
    this.events = base.events;
    this.logger = base.logger;
    this.app = {
      ...base,
      ...createStores(dynamodb, tables, now),
      log: createChannelLog({ store: createLogStore(dynamodb, tables), clock, ids, logger: base.logger }),
      sockets: createSocketStore(dynamodb, tables, now),
      pending: createPendingStore(dynamodb, tables, now),
      verify: async (token) => this.#identityOf(token),
      gateway: {
        post: async (connection, frame) => {
          const client = this.clients.get(connection.connectionId);
          return (await client?.post(encodeForAll(connection.dialect, frame))) ?? 'gone';
        },
        close: async ({ connectionId }) => this.clients.get(connectionId)?.close() ?? 'gone',
      },
      later: {
        ...base.later,
        reconcile: async (request, delaySeconds) =>
          void this.queued.push({ ...request, dueAt: this.now + delaySeconds * 1000 }),
      },
      loadPump: async () => ({
        deliverNext: (app, ...rest) => deliverNext({ ...this.app, ...app }, ...rest),
      }),
      settings: {
        ...base.settings,
        stomp: { perAddress: 20, inAll: 1000 },
        openTopics: ['open', 'open.*'],
        ...settings,
      },
    };
  }

  #pass(milliseconds: number): void {
    this.now += milliseconds;
  }

  /** `of:alice` is alice's, for an hour. */
  #identityOf(token: string): StompIdentity | undefined {
    const userId = /^of:(.+)$/.exec(token)?.[1];
    const known = this.tokens.get(token);
    if (userId === undefined && known === undefined) return undefined;
    return { userId: userId ?? '', tokenExpiresAt: this.now + HOUR_MS, permissions: undefined, ...known };
  }

  /** A socket whose client has not said `CONNECT` yet. Undefined: it was turned away. */
  async open(address = '192.0.2.1'): Promise<StompClient | undefined> {
    const connectionId = `${randomUUID().slice(0, 12)}=`;
    const client = new StompClient(this, connectionId, address);
    const isAdmitted = await admitPending(this.app, { address, connectionId, connectedAt: this.now });
    if (!isAdmitted) return undefined;
    this.clients.set(connectionId, client);
    return client;
  }

  /** One that has heard its `CONNECTED`. */
  async connected(userId: string, deviceId: string | undefined = 'page', more = ''): Promise<StompClient> {
    const client = await this.open(`192.0.2.${this.clients.size % 250}`);
    if (!client) throw new Error('turned away');
    const device = deviceId === '' ? '' : `X-GD-UID:${deviceId}\n`;
    await client.say(`CONNECT\naccept-version:1.2\nAuthorization:of:${userId}\n${device}${more}\n\0`);
    return client;
  }

  async publish(
    to: string | Channel,
    data: unknown,
    options: Partial<Notification> = {},
  ): Promise<Published> {
    return await publishTo(this.app, to, data, options);
  }

  /** Does what the stream and the queue would have a Lambda do, until all is at rest. */
  async drive(deadlineAt = Number.POSITIVE_INFINITY): Promise<void> {
    for (;;) {
      const asked = await this.#asked();
      const next = asked ?? this.#nextQueued();
      if (next === undefined) return;
      if (isSocketName(next.userId)) await pump(this.app, next.connectionId, deadlineAt);
      else await reconcile(this.app, next, deadlineAt);
    }
  }

  #nextQueued(): ReconcileRequest | undefined {
    const queued = this.queued.sort((one, other) => one.dueAt - other.dueAt).shift();
    if (queued) this.now = Math.max(this.now, queued.dueAt);
    return queued;
  }

  /** Whose row has the stream start something. */
  async #asked(): Promise<ReconcileRequest | undefined> {
    for (const { connectionId } of this.clients.values()) {
      const row = await this.rowOf(connectionId);
      if (row === undefined) continue;
      if (row.replayRequestId !== undefined) {
        const { userId } = socketKey(connectionId);
        return { channel: userChannel(userId), userId, connectionId, after: undefined };
      }
      const connection = await this.app.connections.find({ userId: row.owner, connectionId });
      if (connection?.bye)
        return { channel: userChannel(row.owner), userId: row.owner, connectionId, after: undefined };
    }
    return undefined;
  }

  /** What is kept of a socket. */
  async rowOf(
    connectionId: string,
  ): Promise<{ owner: string; replayRequestId?: string; pumpHolder?: string } | undefined> {
    const { client, tables } = this.#running;
    const get = { TableName: tables.connections, Key: socketKey(connectionId), ConsistentRead: true };
    return (await client.send(new GetCommand(get))).Item as never;
  }

  async cursor(userId: string, deviceId = 'page'): Promise<number | undefined> {
    return (await this.app.devices.find({ userId, deviceId }))?.cursors.get(`user:${userId}`)?.seq;
  }
}

export class StompClient {
  readonly #world: StompWorld;
  readonly connectionId: string;
  readonly address: string;
  isOpen = true;
  /** As they were posted. */
  readonly texts: string[] = [];
  /** What the next posts come to instead of being sent. */
  refusals: PostOutcome[] = [];
  beforePost: () => void | Promise<void> = () => {};
  /** Of the handshake's token. */
  identity: StompIdentity | undefined;

  constructor(world: StompWorld, connectionId: string, address: string) {
    this.#world = world;
    this.connectionId = connectionId;
    this.address = address;
  }

  async post(text: string): Promise<PostOutcome> {
    await this.beforePost();
    const refusal = this.refusals.shift();
    if (refusal) return refusal;
    if (!this.isOpen) return 'gone';
    this.texts.push(text);
    return 'sent';
  }

  close(): PostOutcome {
    const was = this.isOpen;
    this.isOpen = false;
    return was ? 'sent' : 'gone';
  }

  /** One WebSocket message. */
  async say(text: string): Promise<void> {
    const { connectionId, address, identity } = this;
    const sender = { connectionId, address, connectedAt: this.#world.now, identity, deviceId: undefined };
    await receiveStomp(this.#world.app, sender, stompFrames(text));
  }

  async subscribe(destination: string, id = 'sub-0', more = ''): Promise<void> {
    await this.say(`SUBSCRIBE\ndestination:${destination}\nid:${id}\n${more}\n\0`);
  }

  get frames(): Heard[] {
    const unescaped = (text: string) => unescapeHeader(text, '1.2');
    return this.texts.flatMap((text) =>
      [...framesIn(text)].map(({ command, headers, body }) => ({
        command,
        headers: Object.fromEntries(headers.map(([name, value]) => [unescaped(name), unescaped(value)])),
        body,
      })),
    );
  }

  get messages(): Heard[] {
    return this.frames.filter(({ command }) => command === 'MESSAGE');
  }

  get seqs(): number[] {
    return this.messages.map(({ headers }) => Number(headers.seq));
  }

  /** The code of its `ERROR`. */
  get error(): string | undefined {
    return this.frames.find(({ command }) => command === 'ERROR')?.headers.message;
  }

  get receipts(): (string | undefined)[] {
    return this.frames.flatMap(({ command, headers }) =>
      command === 'RECEIPT' ? [headers['receipt-id']] : [],
    );
  }
}

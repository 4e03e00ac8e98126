/** Builds what a unit test needs and does not care about. */

import type { App } from '../../lambdas/domain/app.ts';
import { createAcceptances } from '../../lambdas/domain/connection/acceptances.ts';
import type { EraseApp } from '../../lambdas/domain/erase.ts';
import { createChannelLog } from '../../lambdas/domain/log/channel-log.ts';
import type { Connection, Message } from '../../lambdas/domain/model.ts';
import type { Clock, Ids } from '../../lambdas/domain/ports/clock.ts';
import type { FanOutTask } from '../../lambdas/domain/ports/fan-out.ts';
import type { Gateway } from '../../lambdas/domain/ports/gateway.ts';
import type { EscalationTask, ReconcileRequest } from '../../lambdas/domain/ports/later.ts';
import { createFrameRates } from '../../lambdas/domain/session/frame-rates.ts';
import type { Invocation } from '../../lambdas/handlers/events.ts';
import { dialectOf } from '../../lambdas/wire/dialect.ts';
import { createMemoryLogStore, type MemoryLogStore } from './memory-log-store.ts';
import { createMemoryLogger, type MemoryLogger } from './memory-logger.ts';
import { storesOn } from './memory-stores.ts';
import { createMemoryTables } from './memory-tables.ts';
import { createMemoryUserRows } from './memory-user-rows.ts';

/** The clock of {@link anApp} stands still here. */
export const NOW = 1_795_939_441_798;

export const aConnection = (over: Partial<Connection> = {}): Connection => ({
  userId: 'alice',
  connectionId: 'Xk3vQf1_IAMCJ7w=',
  deviceId: undefined,
  dialect: 'herald.v1',
  ackMode: 'auto',
  handover: false,
  connectedAt: NOW - 2_000,
  tokenExpiresAt: NOW + 3_600_000,
  endpoint: 'http://127.0.0.1:1/local',
  channels: new Set(),
  readyAt: NOW - 1_000,
  startsAt: undefined,
  paused: undefined,
  bye: undefined,
  expiresAt: NOW + 7_200_000,
  ...over,
});

/** What an invocation that has just begun is told. */
export const aContext = (): Invocation => ({
  awsRequestId: 'request-1',
  getRemainingTimeInMillis: () => 29_000,
});

export const aMessage = (over: Partial<Message> = {}): Message => ({
  seq: 1,
  id: 'm',
  type: 't',
  data: 'null',
  sentAt: NOW,
  originUserId: undefined,
  originDeviceId: undefined,
  originTab: undefined,
  collapseKey: undefined,
  expiresAt: NOW + 7_200_000,
  ...over,
});

/** A frame that left, as its client parses it. */
export interface Posted {
  connectionId: string;
  frame: Record<string, unknown>;
}

/** An event on the application's bus. */
export interface BusEvent {
  detailType: string;
  detail: Record<string, unknown>;
}

export interface TestApp extends EraseApp {
  /** What `log` stands on. */
  rows: MemoryLogStore;
  logger: MemoryLogger;
  posted: Posted[];
  closed: string[];
  /** What is to be reconciled later. */
  queued: (ReconcileRequest & { delaySeconds: number })[];
  /** What is to be looked up later. */
  escalations: (EscalationTask & { delaySeconds: number })[];
  /** What the fan-out queue was given. */
  tasks: FanOutTask[];
  /** What the application's bus was given. */
  events: BusEvent[];
}

/** An app in memory whose gateway accepts everything. */
export function anApp({
  rows = createMemoryLogStore(),
  ...over
}: Partial<App & Pick<TestApp, 'rows'>> = {}): TestApp {
  const tables = createMemoryTables();
  const posted: Posted[] = [];
  const closed: string[] = [];
  const gateway: Gateway = {
    async post({ connectionId, dialect }, frame) {
      posted.push({ connectionId, frame: JSON.parse(dialectOf(dialect).encode(frame)) });
      return 'sent';
    },
    async close({ connectionId }) {
      closed.push(connectionId);
      return 'sent';
    },
  };
  const later: TestApp['queued'] = [];
  const escalations: TestApp['escalations'] = [];
  const tasks: FanOutTask[] = [];
  const events: BusEvent[] = [];
  let last = 0;
  const clock: Clock = { now: () => NOW, sleep: async () => undefined };
  const ids: Ids = { next: () => `id-${++last}`, random: () => 0.5 };
  const logger = createMemoryLogger();
  return {
    ...storesOn(tables, () => NOW, rows),
    userRows: createMemoryUserRows(tables, rows, () => NOW),
    log: createChannelLog({ store: rows, clock, ids, logger }),
    gateway,
    later: {
      reconcile: async (request, delaySeconds) => void later.push({ ...request, delaySeconds }),
      escalate: async (task, delaySeconds) => void escalations.push({ ...task, delaySeconds }),
      checkOffline: async () => {},
    },
    fanOut: { send: async (some) => void tasks.push(...some) },
    bus: { put: async (detailType, detail) => void events.push({ detailType, detail }) },
    acceptances: createAcceptances(),
    frameRates: createFrameRates(1_000),
    cutReplay: (dialect, range) => dialectOf(dialect).replay(range),
    fitHistory: (dialect, frame) => dialectOf(dialect).fitHistory(frame),
    clock,
    ids,
    settings: {
      callbackUrl: 'http://127.0.0.1:1/local',
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
      defaultRetentionSeconds: 1_000,
      closedTypes: false,
      logSampling: 100,
    },
    types: {},
    ...over,
    rows,
    logger,
    posted,
    closed,
    queued: later,
    escalations,
    tasks,
    events,
  };
}

/** Builds what a unit test needs and does not care about. */

import type { App } from '../../lambdas/domain/app.ts';
import { createHeadCache } from '../../lambdas/domain/log/head-cache.ts';
import type { Connection, Gateway, Message } from '../../lambdas/domain/ports.ts';
import type { Invocation } from '../../lambdas/handlers/events.ts';
import { createMemoryConnectionStore } from './memory-connection-store.ts';
import { createMemoryDeviceStore } from './memory-device-store.ts';
import { createMemoryLogger, type MemoryLogger } from './memory-logger.ts';
import { createMemoryMessageLog } from './memory-message-log.ts';

/** The clock of {@link anApp} stands still here. */
export const NOW = 1_795_939_441_798;

export const aConnection = (over: Partial<Connection> = {}): Connection => ({
  userId: 'alice',
  connectionId: 'Xk3vQf1_IAMCJ7w=',
  deviceId: undefined,
  ackMode: 'auto',
  handover: false,
  connectedAt: NOW - 2_000,
  tokenExpiresAt: NOW + 3_600_000,
  endpoint: 'http://127.0.0.1:1/local',
  readyAt: NOW - 1_000,
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
  originDeviceId: undefined,
  expiresAt: NOW + 7_200_000,
  ...over,
});

/** A frame that left, as its client parses it. */
export interface Posted {
  connectionId: string;
  frame: Record<string, unknown>;
}

export interface TestApp extends App {
  logger: MemoryLogger;
  posted: Posted[];
  closed: string[];
}

/** An app in memory whose gateway accepts everything. */
export function anApp(over: Partial<App> = {}): TestApp {
  const posted: Posted[] = [];
  const closed: string[] = [];
  const gateway: Gateway = {
    async post({ connectionId }, frame) {
      posted.push({ connectionId, frame: JSON.parse(frame) });
      return 'sent';
    },
    async close({ connectionId }) {
      closed.push(connectionId);
      return 'sent';
    },
  };
  let ids = 0;
  return {
    connections: createMemoryConnectionStore(() => NOW),
    devices: createMemoryDeviceStore(() => NOW),
    log: createMemoryMessageLog(),
    heads: createHeadCache(),
    gateway,
    clock: { now: () => NOW, sleep: async () => undefined },
    ids: { next: () => `id-${++ids}`, random: () => 0.5 },
    settings: {
      callbackUrl: 'http://127.0.0.1:1/local',
      maxConnectionsPerUser: 10,
      defaultRetentionSeconds: 1_000,
      closedTypes: false,
    },
    types: {},
    ...over,
    logger: createMemoryLogger(),
    posted,
    closed,
  };
}

/** What the world asks of a device, whatever program runs on it. */
import type { ServerFrame } from '../../../lambdas/protocol/frames.ts';
import type { Permissions } from '../../../lambdas/protocol/permissions.ts';
import type { Socket } from './sockets.ts';

export const PING_MS = 5 * 60_000;

export interface DeviceSpec {
  userId: string;
  /** Undefined: anonymous. */
  deviceId: string | undefined;
  ackMode: 'auto' | 'client';
  tokenLifeMs: number;
  /** What its tokens allow. */
  permissions: Permissions;
  /** `model`: follows the protocol and nothing more. `library`: our client library. */
  program: 'model' | 'library';
  /** The library replaces its connection after this. Undefined: after its usual time. */
  handoverAfterMs?: number;
}

export interface Position {
  epoch: string;
  seq: number;
}

/** How a program finds its storage after a crash. */
export type Storage = 'kept' | 'old' | 'lost';

/** Where a subscription is to begin. `cursor`: where the server says. `stored`: after what the device has. */
export type From = 'cursor' | 'stored' | 'beginning';

export interface Device {
  readonly spec: DeviceSpec;
  /** Whether its person wants it connected, and the server has not told it to stay away. */
  readonly wanted: boolean;
  readonly socket: Socket | undefined;
  /** Topics that it asked for, and was not refused. */
  readonly wantedTopics: ReadonlySet<string>;
  /** By channel: everything through here is settled, by its own word. Undefined: it does not hear the channel. */
  position(channel: string): Position | undefined;
  /** Whether it holds a message that is beyond its position. */
  holds(channel: string, seq: number): boolean;
  /** It unsubscribed from the topic on this connection. */
  declines(topic: string): boolean;
  goOnline(): void;
  /** `unnoticed`: the gateway is not told. */
  goOffline(unnoticed: boolean): void;
  crash(storage: Storage): void;
  subscribe(topic: string, from: From): void;
  unsubscribe(topic: string): void;
  /** Sends a frame and resolves with the answer that names its `ref`. Undefined: none came, or it is not connected. */
  ask(frame: object, ref: string): Promise<ServerFrame | undefined>;
  /** Sends what no correct client does. */
  sendRaw(text: string): void;
}

/** What the world asks of a device, whatever program runs on it. */
import type { Socket } from './sockets.ts';

export const PING_MS = 5 * 60_000;

export interface DeviceSpec {
  userId: string;
  /** Undefined: anonymous. */
  deviceId: string | undefined;
  ackMode: 'auto' | 'client';
  tokenLifeMs: number;
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

export interface Device {
  readonly spec: DeviceSpec;
  /** Whether its person wants it connected, and the server has not told it to stay away. */
  readonly wanted: boolean;
  /** Everything through here is settled, by its own word. */
  readonly position: Position | undefined;
  readonly socket: Socket | undefined;
  goOnline(): void;
  /** `unnoticed`: the gateway is not told. */
  goOffline(unnoticed: boolean): void;
  crash(storage: Storage): void;
  /** Sends what no correct client does. */
  sendRaw(text: string): void;
}

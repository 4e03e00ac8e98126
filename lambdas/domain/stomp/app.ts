/** What serving clients of STOMP takes besides what every use case may touch. */
import type { App } from '../app.ts';
import type { PendingStore, SocketStore } from './sockets.ts';

/** Whose a token is. */
export interface StompIdentity {
  userId: string;
  tokenExpiresAt: number;
  /** The value of the permissions claim, not checked yet. */
  permissions: unknown;
}

/** Undefined: the token is bad. */
export type VerifyStompToken = (token: string) => Promise<StompIdentity | undefined>;

export type PumpApp = App & { sockets: SocketStore };

export type StompApp = PumpApp & { pending: PendingStore; verify: VerifyStompToken };

/**
 * What is kept of a socket whose client speaks STOMP. Such clients neither sort nor drop doubles
 * nor ask for what they lack, so the server keeps how far each of their subscriptions has come.
 */
import type { Permissions } from '../../protocol/permissions.ts';
import type { StompAck, StompDialect } from '../../protocol/stomp.ts';
import type { Connection, Position } from '../model.ts';

/** A socket that has not said `CONNECT` yet: no user, no rights, and nothing is posted to it. */
export interface PendingSocket {
  /** The IP address that it came from. */
  address: string;
  connectionId: string;
  connectedAt: number;
}

/** After its `CONNECT`: beside the connection's row, what only STOMP needs. */
export interface Socket {
  connectionId: string;
  userId: string;
  /** Undefined: an anonymous device. */
  deviceId: string | undefined;
  dialect: StompDialect;
  /** The largest text that may hold several replayed messages; 0: one in each text. */
  batchBytes: number;
  permissions: Permissions;
  tokenExpiresAt: number;
  /** Whole seconds. */
  expiresAt: number;
  /** By the ids that its client gave. */
  subscriptions: ReadonlyMap<string, StompSubscription>;
  /** Channels with something new to send since the pump last came to its end. */
  news: ReadonlySet<string>;
  /** How often there was something new. */
  announced: number;
  /** Set: since when it has refused to take more. */
  refusedAt: number | undefined;
}

export type SentThrough = Position & { isStalled?: boolean };

export type NewSocket = Omit<Socket, 'subscriptions' | 'news' | 'announced' | 'refusedAt'>;

export interface StompSubscription {
  /** Told apart from another with the same id before it. */
  key: string;
  channel: string;
  destination: string;
  ack: StompAck;
  /** Everything up to this seq was there before it was subscribed to. */
  replayThrough: number;
  /** Everything up to here was sent. `isStalled`: its client has to acknowledge some first. */
  sent: SentThrough;
  /** Of mode `client-individual`: what was sent and is not acknowledged. */
  unacked: ReadonlySet<number>;
}

/** The right to post to a socket, for a while: one pump at a time has it. */
export interface PumpLease {
  holder: string;
  now: number;
  until: number;
}

export type BegunPump =
  /** `isOrphaned`: a pump before this one died: nobody knows what it has sent. */
  | { outcome: 'begun'; socket: Socket; isOrphaned: boolean }
  /** Another pump is at it, and sends what is new before it ends. */
  | { outcome: 'busy' }
  | { outcome: 'gone' };

export interface EndedPump {
  holder: string;
  /** By the keys of the subscriptions: how far each was sent. */
  sent: ReadonlyMap<string, SentThrough>;
  /** The `announced` of the socket that was pumped. Undefined: what is new is left for later. */
  announced: number | undefined;
  refusedAt: number | undefined;
  /** With it, the stream starts a pump for what is left. */
  requestId?: string;
}

export type PendingKey = Pick<PendingSocket, 'address' | 'connectionId'>;

/** The rows of sockets that wait for their `CONNECT`. */
export interface PendingStore {
  /**
   * Writes its row, which counts until `expiresAt`; the request id has the stream look after it.
   * Returns how many there are now, refused ones included: of its address, and of the part of all
   * that its address belongs to.
   */
  add(
    pending: PendingSocket,
    options: { expiresAt: number; requestId: string },
  ): Promise<{ ofAddress: number; ofPart: number; parts: number }>;
  /** Returns whether it was there. */
  remove(key: PendingKey, options: { evenRefused: boolean }): Promise<boolean>;
  /** Removes the row of a socket that has said `CONNECT`, and tells whose it was. */
  takeOwner(connectionId: string): Promise<string | undefined>;
  /** Keeps the row until it is reaped, so that refusals count. */
  refuse(key: PendingKey): Promise<void>;
}

/** The rows of sockets. Rejects as every store does; a row that is gone never comes back. */
export interface SocketStore {
  /** One transaction: only while the pending row is there. Returns whether it was. */
  open(connection: Connection, socket: NewSocket, address: string): Promise<boolean>;
  find(connectionId: string): Promise<Socket | undefined>;
  remove(connectionId: string): Promise<void>;
  /** Announces the channel, too. */
  subscribe(
    connectionId: string,
    id: string,
    subscription: Omit<StompSubscription, 'unacked'>,
    requestId: string,
  ): Promise<'subscribed' | 'in_use' | 'gone'>;
  unsubscribe(connectionId: string, id: string, key: string): Promise<void>;
  beginPump(connectionId: string, lease: PumpLease): Promise<BegunPump>;
  /** Takes the lease only if no pump has it, dead or alive. One write. */
  takePump(connectionId: string, lease: PumpLease): Promise<Socket | undefined>;
  /** Before they are posted. */
  addUnacked(connectionId: string, key: string, seqs: number[]): Promise<void>;
  /** Returns what is still unacknowledged. */
  removeUnacked(connectionId: string, key: string, seq: number): Promise<ReadonlySet<number>>;
  /**
   * Writes how far it has come, and goes on with the lease: there may be news. Undefined: the lease
   * is no longer its own.
   */
  renewPump(connectionId: string, lease: PumpLease, end: EndedPump): Promise<Socket | undefined>;
  /** False: there are news, and the pump has to go on. */
  endPump(connectionId: string, end: EndedPump): Promise<boolean>;
}

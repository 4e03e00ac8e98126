/**
 * Which connections are open, how each starts, and which are being closed.
 * `../app.ts` says what holds for every store.
 */
import type { ByeCode } from '../../protocol/errors.ts';
import type { Connection, ConnectionKey, Position } from '../model.ts';
import type { ReplayLease } from './subscription-store.ts';

export interface ConnectionStore {
  /** The request id makes the stream reconcile the new connection: `ready`, then its replay. */
  add(connection: Connection, requestId: string): Promise<void>;
  find(key: ConnectionKey): Promise<Connection | undefined>;
  /** All connections of a user, however many. */
  list(userId: string): Promise<Connection[]>;
  /** The same in pages of at most `limit`. Each page is read when it is asked for. */
  pages(userId: string, limit: number): AsyncIterable<Connection[]>;
  /**
   * The row, and the rows of what the connection subscribes to. `channels`: these too, where its
   * own row does not tell them because it was never written.
   */
  remove(key: ConnectionKey & Partial<Pick<Connection, 'channels'>>): Promise<void>;
  /**
   * From then on the connection gets nothing but its `bye`; the first reason stands. The request id
   * makes the stream say it. Mark and request are one write: a connection that is marked and never
   * reconciled would stay open and hear nothing more. The connection's subscriptions are removed
   * before this resolves, so that a publish that comes after finds none. Does nothing when the row
   * is gone.
   */
  markClosing(key: ConnectionKey, code: ByeCode, requestId: string): Promise<void>;
  /**
   * Takes the lease of the start, and removes the request from the row. False: another holds it, or
   * the connection is ready, being closed or gone.
   */
  beginStart(key: ConnectionKey, lease: Omit<ReplayLease, 'after'>): Promise<boolean>;
  /**
   * `ready` was accepted: from now on live messages are posted. Undefined: the lease lapsed and is
   * another's, or the row is gone.
   */
  markStarted(key: ConnectionKey, started: Started): Promise<{ wanted: number | undefined } | undefined>;
  /**
   * Has whoever starts the connection replay what follows this seq, if that is further back than
   * where the start would begin. False: nobody is starting it, or this much is wanted already.
   */
  wantStartAfter(key: ConnectionKey, after: number): Promise<boolean>;
}

export interface Started {
  by: string;
  readyAt: number;
  /** See {@link Serving}. */
  startsAt: Position | undefined;
  /** Where its replay begins. */
  after: number;
  /** The replay that follows runs under the same lease, until then. Undefined: it is given back. */
  until: number | undefined;
}

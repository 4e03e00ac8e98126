/** Work for later. */
import type { Channel, Position, SubscriptionKey } from '../model.ts';

export interface Later {
  /**
   * Has the subscription reconciled: at least once, some time after `delaySeconds` (0 to 900).
   * Rejects when that was not taken for certain, like the others.
   */
  reconcile(request: ReconcileRequest, delaySeconds: number): Promise<void>;
  /** Has it looked up whether a message was answered: at least once, like the next. */
  escalate(task: EscalationTask, delaySeconds: number): Promise<void>;
  /** Has it looked up whether a user is still away. */
  checkOffline(check: OfflineCheck, delaySeconds: number): Promise<void>;
}

export interface ReconcileRequest extends SubscriptionKey {
  /**
   * Replay what follows this seq; in mode `auto` what follows the device's cursor, if that stands
   * further back. Undefined: what follows the cursor.
   */
  after: number | undefined;
  /** Tell the connection what its user has read: that changed while it was opening. */
  readState?: true;
  /**
   * Set: the connection is new. Names this start of it, so that the same request, handed over
   * again, goes on where it was, and does nothing where the client has started its connection
   * itself.
   */
  startId?: string | undefined;
}

/** Names a message that may be without an answer when its time is over. */
export interface EscalationTask extends Position {
  channel: Channel;
  /** What is left to wait when the delay is over. */
  restSeconds: number;
}

/** What is to be looked up when the delay after a close is over. */
export interface OfflineCheck {
  userId: string;
  closedAt: number;
}

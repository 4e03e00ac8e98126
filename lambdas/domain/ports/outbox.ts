/**
 * What services put into the outbox: its rows, and the queue of those to try again.
 * `../app.ts` says what holds for every store.
 */
import type { OutboxEntry } from '../../protocol/outbox.ts';

export interface OutboxRows {
  remove(id: string): Promise<void>;
  /**
   * It stays, with the reason; if it was taken away meanwhile, it is put back. False: it has no
   * room for the reason.
   */
  markFailed(row: OutboxRow, reason: string): Promise<boolean>;
}

export interface OutboxQueue {
  /** It is handed over again after so long, up to 900 s. */
  retry(row: OutboxRow, delaySeconds: number): Promise<void>;
  /** Its notification is left out where that does not fit: the row has it. */
  sendDeadLetter(row: OutboxRow, reason: string): Promise<void>;
}

/** A row of the outbox, and how often it was tried. */
export interface OutboxRow extends OutboxEntry {
  /** How often it was put off. */
  tries: number;
  /** Undefined: now. */
  firstTriedAt?: number | undefined;
}

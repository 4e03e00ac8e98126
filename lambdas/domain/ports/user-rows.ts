/** What is kept of a user, to be taken away. `../app.ts` says what holds for every store. */
import type { Head } from '../model.ts';

export interface UserRows {
  /** At most `limit` rows of one table. Returns how many there were; 0: none is left. */
  remove(userId: string, kind: KeptRows, limit: number): Promise<number>;
  /**
   * Ends the epoch of the user's own channel. False: the head is not as it was read, or there is
   * none.
   */
  removeHead(userId: string, head: Head): Promise<boolean>;
  /** Connections whose sockets have long ended, and that are not deleted yet. Returns how many. */
  removeLapsed(userId: string): Promise<number>;
  /** What is kept of a connection of STOMP beside its row. */
  removeSocket(connectionId: string): Promise<void>;
}

/** The tables with what is kept of a user, beside the connections. Of a log, all but its head. */
export type KeptRows = 'devices' | 'cursors' | 'members' | 'messages' | 'publishes';

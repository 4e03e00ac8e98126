/** Who is online, as the application was told. `../app.ts` says what holds for every store. */

export interface PresenceStore {
  find(userId: string): Promise<Presence | undefined>;
  /** A connection opened. */
  markOnline(userId: string): Promise<void>;
  /** False: another one is known to have closed later, or the user is offline already. */
  markClosed(userId: string, closedAt: number): Promise<boolean>;
  /** False: it is not as it was found any more. */
  remove(found: Presence): Promise<boolean>;
}

/** That a user is online, as the application was told. */
export interface Presence {
  userId: string;
  /** Another one with each connection that opens. */
  version: string;
  /** When the last connection closed that is known to have. */
  closedAt: number | undefined;
}

/** What users have read. `../app.ts` says what holds for every store. */
import type { ReadState } from '../../protocol/frames.ts';

export interface ReadStateStore {
  /** Undefined: nothing was ever marked. */
  find(userId: string): Promise<StoredReadState | undefined>;
  /**
   * False: the state is of another version than the expected one (0: there is none), or it would be
   * the first and the user's own channel is not of its epoch any more.
   */
  replace(
    userId: string,
    expectedVersion: number,
    state: StoredReadState,
    /** Versions begin anew when a user was erased: of which epoch the expected state is. */
    expectedEpoch?: string,
  ): Promise<boolean>;
}

/** What a user has read, in one epoch of the user's own channel. */
export interface StoredReadState extends ReadState {
  epoch: string;
}

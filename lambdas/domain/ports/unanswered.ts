/**
 * Of which messages the application was told that they are unanswered.
 * `../app.ts` says what holds for every store.
 */
import type { Stored } from '../model.ts';

export interface Unanswered {
  /**
   * Takes the lease of telling it. `taken`: another has it; `over`: it was told, or the message is
   * withdrawn or gone.
   */
  begin(stored: Stored, lease: { now: number; until: number }): Promise<'begun' | 'taken' | 'over'>;
  /** It was told. */
  end(stored: Stored): Promise<void>;
}

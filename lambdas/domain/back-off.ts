/** Waiting between tries, by the clock and the chance of the app. */
import { backOffMs } from '../back-off.ts';
import type { Clock, Ids } from './ports/clock.ts';

export const backOff = (
  { clock, ids }: { clock: Clock; ids: Ids },
  attempt: number,
  baseMs: number,
  capMs: number,
): Promise<void> => clock.sleep(backOffMs(attempt, baseMs, capMs, ids.random));

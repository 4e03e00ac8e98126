/** Which of the browser's tabs with the console this one is: each has devices of its own, so that none throws out another's. */

const REMEMBERED = 'herald-console-seat';
/** After a reload the seat of before is free in a moment. */
const PATIENCE_MS = 3000;
const MOST_SEATS = 20;

/** From 1 on, kept over reloads. */
export async function takeSeat(): Promise<number> {
  const before = Number(sessionStorage.getItem(REMEMBERED)) || undefined;
  const seat = await firstFree(before);
  sessionStorage.setItem(REMEMBERED, String(seat));
  return seat;
}

async function firstFree(before: number | undefined): Promise<number> {
  // Not there where the page came over plain HTTP from another machine: then tabs are told apart by chance.
  if (!navigator.locks) return before ?? MOST_SEATS + Math.ceil(Math.random() * 1e6);
  if (before !== undefined && (await take(before, { signal: AbortSignal.timeout(PATIENCE_MS) })))
    return before;
  for (let seat = 1; seat <= MOST_SEATS; seat++) if (await take(seat, { ifAvailable: true })) return seat;
  throw new Error('too many tabs with the console are open');
}

/** Holds the seat as long as the page lives. */
function take(seat: number, options: LockOptions): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const held = navigator.locks.request(`${REMEMBERED}-${seat}`, options, (lock) => {
    resolve(lock !== null);
    return lock === null ? undefined : new Promise(() => {});
  });
  held.catch(() => resolve(false));
  return promise;
}

/** How long the poller rests between two looks at a stream: hardly at all while somebody waits for it. */

const BUSY_POLL_MS = 20;
/** Lambda's own rate: four times a second. */
const IDLE_POLL_MS = 250;
const BUSY_FOR_MS = 2000;

export interface Pace {
  /** Ends the rests, and the next one before it begins: what was written may have come after the last look. */
  wake(): void;
  rest(): Promise<void>;
}

export function createPace(): Pace {
  const sleepers = new Set<() => void>();
  let busyUntil = 0;
  let woken = false;

  return {
    wake() {
      busyUntil = Date.now() + BUSY_FOR_MS;
      woken = sleepers.size === 0;
      for (const end of sleepers) end();
    },
    async rest() {
      if (woken) {
        woken = false;
        return;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, Date.now() < busyUntil ? BUSY_POLL_MS : IDLE_POLL_MS);
      sleepers.add(resolve);
      await promise;
      clearTimeout(timer);
      sleepers.delete(resolve);
    },
  };
}

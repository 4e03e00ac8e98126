/**
 * How often something costly may be done at a stranger's request: a few times at once, and then at a steady pace, so that whoever uses
 * it up never takes it from others for longer than one pace.
 */

/** Says whether it may be done now, and counts it if so. */
export function createBudget(atOnce: number, paceMs: number, now: () => number): () => boolean {
  let left = atOnce;
  let countedAt = now();
  return () => {
    left = Math.min(atOnce, left + (now() - countedAt) / paceMs);
    countedAt = now();
    if (left < 1) return false;
    left -= 1;
    return true;
  };
}

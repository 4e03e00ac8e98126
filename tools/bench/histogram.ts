/** Latencies by how long they took, with buckets a quarter apart: a million of them fit into a hundred numbers. */

const GROWTH = 1.25;
const LEAST_MS = 0.1;

export interface Histogram {
  add(milliseconds: number): void;
  readonly count: number;
  /** Upper bound of the bucket; `share` from 0 to 1. */
  percentile(share: number): number;
  /** Those that hold something, with their upper bounds. */
  buckets(): { upToMs: number; count: number }[];
}

export function createHistogram(): Histogram {
  const counts: number[] = [];
  let total = 0;
  const upperBound = (bucket: number) => LEAST_MS * GROWTH ** bucket;
  return {
    add(milliseconds) {
      const bucket = Math.max(0, Math.ceil(Math.log(milliseconds / LEAST_MS) / Math.log(GROWTH)));
      counts[bucket] = (counts[bucket] ?? 0) + 1;
      total += 1;
    },
    get count() {
      return total;
    },
    percentile(share) {
      let seen = 0;
      for (const [bucket, count = 0] of counts.entries()) {
        seen += count;
        if (seen >= total * share && seen > 0) return upperBound(bucket);
      }
      return Number.NaN;
    },
    buckets: () =>
      Array.from(counts, (count = 0, bucket) => ({ upToMs: upperBound(bucket), count })).filter(
        ({ count }) => count > 0,
      ),
  };
}

/** For the terminal. */
export function drawn(histogram: Histogram): string {
  const buckets = histogram.buckets();
  const most = Math.max(...buckets.map(({ count }) => count));
  return buckets
    .map(({ upToMs, count }) => {
      const bar = '█'.repeat(Math.max(1, Math.round((count / most) * 50)));
      return `  ≤ ${upToMs.toFixed(1).padStart(9)} ms ${String(count).padStart(9)} ${bar}`;
    })
    .join('\n');
}

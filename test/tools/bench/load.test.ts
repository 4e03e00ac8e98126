/** The load generator finds what is lost, doubled or out of order, and finds nothing where all is well. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SpawnedStack, spawnStack } from '../../../local/cli/spawn.ts';
import { createHistogram, drawn } from '../../../tools/bench/histogram.ts';
import { createLedger, isClean } from '../../../tools/bench/ledger.ts';
import { loadSummary, runLoad } from '../../../tools/bench/load.ts';

describe('the ledger', () => {
  const ledgerOf = (seqs: number[], received: number[]) => {
    const ledger = createLedger(['alice'], 1);
    for (const seq of seqs) ledger.published('alice', seq);
    for (const seq of received) ledger.received('alice', 0, seq);
    return ledger.verdict();
  };

  it.each([
    [[1, 2, 3], [1, 2, 3], { lost: 0, doubled: 0, disordered: 0 }],
    [[1, 2, 3], [1, 3], { lost: 1, doubled: 0, disordered: 0 }],
    [[1, 2, 3], [1, 2, 2, 3], { lost: 0, doubled: 1, disordered: 0 }],
    [[1, 2, 3], [1, 3, 2], { lost: 0, doubled: 0, disordered: 1 }],
    [[1], [], { lost: 1, doubled: 0, disordered: 0 }],
  ])('of %j, received %j, says %j', (seqs, received, verdict) => {
    expect(ledgerOf(seqs, received)).toMatchObject(verdict);
    expect(isClean(ledgerOf(seqs, received))).toBe(Object.values(verdict).every((count) => count === 0));
  });

  it('owes a message to each device of its user and to no other', () => {
    const ledger = createLedger(['alice', 'bob'], 3);
    ledger.published('alice', 1);
    ledger.received('alice', 2, 1);
    expect(ledger.verdict()).toMatchObject({ expected: 3, delivered: 1, lost: 2 });
  });

  it('does not mind that a message arrives before its publisher has the answer', () => {
    const ledger = createLedger(['alice'], 1);
    ledger.received('alice', 0, 1);
    ledger.published('alice', 1);
    expect(isClean(ledger.verdict())).toBe(true);
  });
});

describe('the histogram', () => {
  it('knows its percentiles to within a quarter', () => {
    const histogram = createHistogram();
    for (let value = 1; value <= 1000; value++) histogram.add(value);
    for (const share of [0.5, 0.95, 0.99]) {
      const ratio = histogram.percentile(share) / (share * 1000);
      expect(ratio).toBeGreaterThanOrEqual(1);
      expect(ratio).toBeLessThanOrEqual(1.25);
    }
    expect(drawn(histogram).split('\n').length).toBe(histogram.buckets().length);
  });
});

describe('a load', () => {
  let stack: SpawnedStack;

  beforeAll(async () => {
    stack = await spawnStack(['--quiet']);
  });
  afterAll(() => stack.stop());

  it.each([
    { topic: false, storm: true, expected: 160 },
    { topic: true, storm: false, expected: 800 },
  ])('of 20 devices is delivered in full: %j', async ({ topic, storm, expected }) => {
    const { httpUrl, wsUrl } = stack;
    const lines: string[] = [];
    const options = {
      devices: 20,
      perUser: 4,
      rate: 20,
      seconds: 2,
      storm,
      topic,
      httpUrl,
      wsUrl,
      serverPid: stack.pid,
    };
    const result = await runLoad(options, (line) => lines.push(line));
    expect(result).toMatchObject({ published: 40, failed: 0 });
    expect(result.verdict).toEqual({ expected, delivered: expected, lost: 0, doubled: 0, disordered: 0 });
    expect(result.stormMs === undefined).toBe(!storm);
    expect(result.lastP50).toBeGreaterThan(0);
    expect(result.deliveriesPerSecond).toBeGreaterThan(0);
    expect(result.cpuMicros).toBeGreaterThan(0);
    expect(loadSummary(result)).toContain('none lost, none doubled, all in order');
    expect(lines.at(-1)).toContain('20/20 live');
  });
});

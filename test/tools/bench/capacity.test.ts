/** The capacity model agrees with what can be worked out by hand. */
import { describe, expect, it } from 'vitest';
import { broadcast, heat } from '../../../tools/bench/broadcast-model.ts';
import { capacityReport } from '../../../tools/bench/capacity.ts';
import {
  BEHAVIOUR,
  bindingQuota,
  QUOTAS,
  ratesOf,
  reconnect,
  rotationPeak,
} from '../../../tools/bench/capacity-model.ts';

const fleet = (connections: number, spreadSeconds = 1) => ({
  connections,
  spreadSeconds,
  otherRequestsPerSecond: 0,
});

describe('a reconnect storm', () => {
  it('that comes no faster than the quotas allow is over as soon as the last has tried', () => {
    const { seconds, refused, binds } = reconnect(fleet(30_000, 100));
    expect([seconds, refused, binds]).toEqual([100, 0, undefined]);
  });

  it('of a fleet far beyond the quota takes devices divided by the quota, and the last retries', () => {
    const { seconds, binds } = reconnect(fleet(1_000_000));
    expect(binds).toBe('connectsPerSecond');
    expect(seconds).toBeGreaterThanOrEqual(1_000_000 / 500);
    expect(seconds).toBeLessThanOrEqual(1_000_000 / 500 + 4 * BEHAVIOUR.backoffCapSeconds + 30);
  });

  it('loses nobody and never exceeds the quota', () => {
    const { connects } = reconnect(fleet(100_000));
    expect(connects.reduce((sum, each) => sum + each, 0)).toBeCloseTo(100_000, -1);
    expect(Math.max(...connects)).toBeLessThanOrEqual(500);
  });

  it('takes half as long with twice the quota', () => {
    const slow = reconnect(fleet(500_000)).seconds;
    const quick = reconnect(fleet(500_000), { ...QUOTAS, connectsPerSecond: 1000 }).seconds;
    expect(quick / slow).toBeGreaterThan(0.47);
    expect(quick / slow).toBeLessThan(0.56);
  });

  it('is half over after half of the time, while the quota is what binds', () => {
    const { seconds, halfSeconds } = reconnect(fleet(1_000_000));
    expect(halfSeconds / seconds).toBeGreaterThan(0.46);
    expect(halfSeconds / seconds).toBeLessThan(0.51);
  });

  it('never ends when publishing takes every request', () => {
    const all = { ...fleet(10), otherRequestsPerSecond: QUOTAS.requestsPerSecond };
    expect(reconnect(all)).toMatchObject({ seconds: Infinity, binds: 'requestsPerSecond' });
  });
});

describe('the quota that binds', () => {
  const rates = (over: Partial<typeof QUOTAS>, otherRequestsPerSecond = 0) =>
    ratesOf({ ...QUOTAS, ...over }, BEHAVIOUR, { otherRequestsPerSecond });

  it('is the one with the least connects per second', () => {
    expect(rates({})).toEqual({
      connectsPerSecond: 500,
      requestsPerSecond: 10_000 / 3,
      lambdaConcurrency: 1000 / 0.3,
    });
    expect(bindingQuota(rates({}))).toBe('connectsPerSecond');
    expect(bindingQuota(rates({ connectsPerSecond: 5000 }, 9000))).toBe('requestsPerSecond');
    expect(bindingQuota(rates({ lambdaConcurrency: 10 }))).toBe('lambdaConcurrency');
  });
});

describe('the rotation after a storm', () => {
  it('comes back as high as the storm when it has no jitter', () =>
    expect(rotationPeak(Array(100).fill(500), 0)).toBe(500));

  it('is spread over the jitter when that is longer than the storm', () =>
    expect(rotationPeak(Array(100).fill(500), 1000)).toBe((100 * 500) / 1000));

  it('stays as high as the storm when the jitter is shorter', () =>
    expect(rotationPeak(Array(1000).fill(500), 100)).toBe(500));
});

describe('a message to everyone', () => {
  const fanOut = { connections: 1_000_000, page: 256, fanOutRate: 5000, requestsPerSecond: 10_000 };

  it('takes the connections divided by the rate, and costs little more than its messages', () => {
    const { ranges, seconds, binds, dollars } = broadcast(fanOut);
    expect([ranges, Math.round(seconds), binds]).toEqual([500, 200, 'fanOutRate']);
    expect(dollars).toBeGreaterThan(1);
    expect(dollars).toBeLessThanOrEqual(1.15);
  });

  it('is held back by the quota where that has less left', () =>
    expect(broadcast({ ...fanOut, requestsPerSecond: 1000 })).toMatchObject({
      binds: 'requestsPerSecond',
      seconds: expect.closeTo(1000, 0),
    }));

  it('is posted before the answer where one page holds all', () =>
    expect(broadcast({ ...fanOut, connections: 256 })).toMatchObject({ ranges: 0, seconds: 0 }));
});

describe('the channel that everybody hears', () => {
  it('takes three writes and two reads of a reconnect, and a read of each ping', () =>
    expect(heat({ connections: 540_000, connectsPerSecond: 500, pingMinutes: 9 })).toEqual({
      subscriptionWrites: 1500,
      partitions: 2,
      headReadsOfConnects: 1000,
      headReadsOfPings: 1000,
    }));
});

describe('the report', () => {
  it('names what binds and what to raise', () => {
    const report = capacityReport(['--connections', '1000000']);
    expect(report).toMatch(/all are back after +3[3-6] min/);
    expect(report).toMatch(/what binds +new connections per second/);
    expect(report).toMatch(/new connections per second +from 500 to 1,667/);
  });

  it('tells of a message to everyone and of what is hot when all come back', () => {
    const report = capacityReport(['--connections', '1000000']);
    expect(report).toMatch(/the last has it after +3 min/);
    expect(report).toMatch(/setting fanOutRate, 5,000 posts/);
    expect(capacityReport(['--connections', '3000000'])).toContain('TOO MANY');
  });

  it('has nothing to raise for a small fleet', () =>
    expect(capacityReport(['--connections', '1000'])).toContain('Nothing needs to be raised'));

  it.each([
    ['--connections', 'many'],
    ['--connections', '-1'],
    ['--connects-per-second', ''],
  ])('refuses %s %s', (...args) => expect(() => capacityReport(args)).toThrow());
});

/** Which connections have to go when another one opens. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectionsToClose } from '../../../../lambdas/domain/connection/limits.ts';
import type { Connection } from '../../../../lambdas/domain/model.ts';
import { aConnection } from '../../../support/builders.ts';

const open = (connectionId: string, connectedAt: number, deviceId?: string) =>
  aConnection({ connectionId, connectedAt, deviceId });

const verdicts = (connections: Connection[], limit: number) =>
  Object.fromEntries(
    connectionsToClose(connections, limit).map(({ connection, code }) => [connection.connectionId, code]),
  );

const connections = fc.uniqueArray(
  fc.record({
    connectionId: fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom('a', 'b', 'c', '-', '_') }),
    connectedAt: fc.nat(5),
    deviceId: fc.constantFrom(undefined, 'phone', 'laptop', 'tablet'),
    bye: fc.constantFrom(undefined, undefined, undefined, 'revoked' as const),
  }),
  { selector: ({ connectionId }) => connectionId, maxLength: 15 },
);
const limits = fc.integer({ min: 1, max: 12 });

describe('of several connections', () => {
  it('the newest of each device stays', () => {
    const all = [
      open('1', 10, 'phone'),
      open('2', 30, 'phone'),
      open('3', 20, 'phone'),
      open('4', 5, 'laptop'),
    ];
    expect(verdicts(all, 10)).toEqual({ 1: 'replaced', 3: 'replaced' });
  });

  it('anonymous devices do not replace each other', () => {
    expect(verdicts([open('1', 1), open('2', 2), open('3', 3)], 10)).toEqual({});
  });

  it('the oldest beyond the limit go', () => {
    const all = [open('1', 3, 'a'), open('2', 1), open('3', 2, 'b'), open('4', 4)];
    expect(verdicts(all, 2)).toEqual({ 2: 'too_many_connections', 3: 'too_many_connections' });
  });

  it('a replaced one does not count against the limit', () => {
    const all = [open('1', 1, 'phone'), open('2', 2, 'laptop'), open('3', 3, 'phone')];
    expect(verdicts(all, 2)).toEqual({ 1: 'replaced' });
  });

  it('one that is being closed neither replaces, nor counts, nor goes twice', () => {
    const all = [
      { ...open('1', 9, 'phone'), bye: 'revoked' as const },
      open('2', 1, 'phone'),
      { ...open('3', 8), bye: 'replaced' as const },
    ];
    expect(verdicts(all, 1)).toEqual({});
  });

  it('of the same millisecond the greater id stays, so that all judge alike', () => {
    expect(verdicts([open('a', 1, 'phone'), open('b', 1, 'phone')], 10)).toEqual({ a: 'replaced' });
    expect(verdicts([open('b', 1, 'phone'), open('a', 1, 'phone')], 10)).toEqual({ a: 'replaced' });
    expect(verdicts([open('a', 1), open('b', 1)], 1)).toEqual({ a: 'too_many_connections' });
  });

  it('none goes when there is one', () => expect(connectionsToClose([open('1', 1, 'phone')], 1)).toEqual([]));

  it('none goes when there is none', () => expect(connectionsToClose([], 1)).toEqual([]));

  it('the same ones go whatever order they are listed in', () => {
    const listings = connections
      .map((rows) => rows.map(aConnection))
      .chain((rows) => fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length })));
    fc.assert(
      fc.property(listings, limits, ([rows, shuffled], limit) => {
        expect(verdicts(shuffled, limit)).toEqual(verdicts(rows, limit));
      }),
    );
  });

  it('what stays is one per device and within the limit, and judged again nobody goes', () => {
    fc.assert(
      fc.property(connections, limits, (rows, limit) => {
        const all = rows.map(aConnection);
        const gone = new Set(connectionsToClose(all, limit).map(({ connection }) => connection));
        const left = all.filter((connection) => !gone.has(connection) && connection.bye === undefined);
        const devices = left.flatMap(({ deviceId }) => deviceId ?? []);
        expect(new Set(devices).size).toBe(devices.length);
        expect(left.length).toBeLessThanOrEqual(limit);
        expect(connectionsToClose(left, limit)).toEqual([]);
      }),
    );
  });

  it('no newer one goes while an older one of the same kind stays', () => {
    fc.assert(
      fc.property(connections, limits, (rows, limit) => {
        const all = rows.map(aConnection).filter(({ bye }) => bye === undefined);
        const displaced = connectionsToClose(all, limit);
        const gone = new Set(displaced.map(({ connection }) => connection));
        for (const { connection, code } of displaced) {
          const older = all.filter((other) => !gone.has(other) && other.connectedAt < connection.connectedAt);
          const rivals =
            code === 'replaced' ? older.filter(({ deviceId }) => deviceId === connection.deviceId) : older;
          expect(rivals).toEqual([]);
        }
      }),
    );
  });

  it('leaves the list as it was', () => {
    const all = [open('1', 1), open('2', 3), open('3', 2)];
    connectionsToClose(all, 1);
    expect(all.map(({ connectionId }) => connectionId)).toEqual(['1', '2', '3']);
  });
});

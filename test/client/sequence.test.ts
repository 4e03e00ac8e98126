/** The ordering core alone: frames in any order, any number of times, with any of them missing. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Sequence } from '../../client/sequence.ts';

const message = (seq: number) => ({ seq, id: `m${seq}`, type: 'test', data: seq, sentAt: 0 });

const begun = (maxSize = 1_000_000, cursor = 0, head = 0): Sequence => {
  const sequence = new Sequence(maxSize, () => 'this-tab');
  sequence.start({ epoch: 'one', cursor, head }, undefined, false);
  return sequence;
};

const replay = (from: number, through: number, seqs: number[], more = false) => ({
  from,
  through,
  messages: seqs.map(message),
  more,
  size: seqs.length,
});

function drain(sequence: Sequence): number[] {
  const seqs: number[] = [];
  for (let next = sequence.next(); next; next = sequence.next()) {
    seqs.push(next.seq);
    sequence.finish(next);
  }
  return seqs;
}

describe('the sequence', () => {
  it('holds what comes early until the gap is closed', () => {
    const sequence = begun();
    for (const seq of [2, 3]) sequence.add(message(seq), 1);
    expect([sequence.next(), sequence.isLacking, sequence.finished?.seq]).toEqual([undefined, true, 0]);
    sequence.add(message(1), 1);
    expect([drain(sequence), sequence.isLacking, sequence.finished?.seq]).toEqual([[1, 2, 3], false, 3]);
  });

  it('passes over seqs that a replay settles without a message', () => {
    const sequence = begun();
    sequence.addReplay(replay(0, 9, [2, 5]));
    expect([drain(sequence), sequence.finished?.seq]).toEqual([[2, 5], 9]);
  });

  it('passes over a withdrawal, which has a place in the log', () => {
    const sequence = begun();
    sequence.addEmpty(2);
    expect([sequence.next(), sequence.isLacking]).toEqual([undefined, true]);
    sequence.add(message(1), 1);
    expect([drain(sequence), sequence.isLacking, sequence.finished?.seq]).toEqual([[1], false, 2]);
  });

  it('does not believe a replay that begins after a gap', () => {
    const sequence = begun();
    sequence.addReplay(replay(5, 9, [7]));
    expect([sequence.next(), sequence.finished?.seq, sequence.isLacking]).toEqual([undefined, 0, true]);
    sequence.addReplay(replay(0, 5, [3]));
    sequence.addReplay(replay(5, 9, [7]));
    expect(drain(sequence)).toEqual([3, 7]);
  });

  it('counts a message as finished only when it is', () => {
    const sequence = begun();
    sequence.add(message(1), 1);
    const first = sequence.next();
    expect(sequence.finished?.seq).toBe(0);
    if (first) sequence.finish(first);
    expect(sequence.finished?.seq).toBe(1);
  });

  it('goes on from the position it kept, whether the server is behind or ahead', () => {
    for (const cursor of [3, 7]) {
      const sequence = new Sequence(1000, () => 'this-tab');
      expect(
        sequence.start({ epoch: 'one', cursor, head: 9 }, { epoch: 'one', seq: 5 }, false),
      ).toBeUndefined();
      expect(sequence.finished?.seq).toBe(5);
    }
  });

  it('gives its position up for another epoch or a head that went back, and surfaces what it held', () => {
    for (const start of [
      { epoch: 'two', cursor: 0, head: 1 },
      { epoch: 'one', cursor: 0, head: 1 },
    ]) {
      const sequence = begun(1000, 4, 5);
      sequence.add(message(5), 1);
      sequence.add(message(8), 1);
      expect(sequence.start(start, undefined, false)).toEqual({ epoch: 'one', seq: 5 });
      sequence.add(message(1), 1);
      expect([drain(sequence), sequence.finished]).toEqual([[5, 8, 1], { epoch: start.epoch, seq: 1 }]);
    }
  });

  it('does not take the head of an overlapping connection for one that went back', () => {
    const sequence = begun(1000, 4, 5);
    sequence.add(message(5), 1);
    expect(sequence.start({ epoch: 'one', cursor: 3, head: 4 }, undefined, true)).toBeUndefined();
    expect(drain(sequence)).toEqual([5]);
  });

  it('is never larger than its bound and one frame, and still gets everything', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 50 }), fc.array(fc.nat(400)), (maxSize, live) => {
        const sequence = begun(maxSize, 0, 400);
        const seen: number[] = [];
        for (const seq of live) if (seq > 0) sequence.add(message(seq), 1);
        for (let rounds = 0; sequence.isLacking && rounds < 2000; rounds++) {
          const from = sequence.settled;
          const through = Math.min(400, from + 2);
          sequence.addReplay(
            replay(
              from,
              through,
              [from + 1, from + 2].filter((seq) => seq <= 400),
            ),
          );
          if (sequence.isFull || rounds % 3 === 0) seen.push(...drain(sequence));
        }
        expect([...seen, ...drain(sequence)]).toEqual(Array.from({ length: 400 }, (_, index) => index + 1));
      }),
    );
  });

  it('yields each message once and in order, and only what is there, for any frames', () => {
    const frame = fc.record({
      isReplay: fc.boolean(),
      at: fc.nat(39),
      length: fc.integer({ min: 1, max: 15 }),
      finishes: fc.nat(5),
      restarts: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 60 }),
        fc.uniqueArray(fc.integer({ min: 1, max: 40 })),
        (frames, own) => {
          const sequence = begun();
          const isThere = (seq: number) => seq <= 40 && !own.includes(seq);
          const seen: number[] = [];
          const arrived = new Set<number>();
          const take = (from: number, through: number) => {
            const seqs = Array.from({ length: through - from }, (_, index) => from + 1 + index).filter(
              isThere,
            );
            for (const seq of seqs) arrived.add(seq);
            sequence.addReplay(replay(from, through, seqs));
          };
          for (const { isReplay, at, length, finishes, restarts } of frames) {
            if (restarts)
              sequence.start(
                { epoch: 'one', cursor: sequence.finished?.seq ?? 0, head: 40 },
                undefined,
                false,
              );
            if (isReplay) take(at, Math.min(40, at + length));
            else if (isThere(at + 1)) {
              arrived.add(at + 1);
              sequence.add(message(at + 1), 1);
            }
            for (let count = 0; count < finishes; count++) {
              const next = sequence.next();
              if (!next) break;
              seen.push(next.seq);
              sequence.finish(next);
            }
            const { seq: finished = 0 } = sequence.finished ?? {};
            expect(finished).toBeLessThanOrEqual(sequence.settled);
            expect(seen).toEqual([...seen].sort((one, other) => one - other));
            expect(seen.every((seq) => arrived.has(seq) && seq <= finished)).toBe(true);
          }
          take(sequence.settled, 40);
          seen.push(...drain(sequence));
          expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => index + 1).filter(isThere));
          expect([sequence.isLacking, sequence.finished?.seq]).toEqual([false, 40]);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

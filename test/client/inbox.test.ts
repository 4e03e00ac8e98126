/** The ordering core alone: frames in any order, any number of times, with any of them missing. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Inbox } from '../../client/inbox.ts';

const message = (seq: number) => ({ seq, id: `m${seq}`, type: 'test', data: seq, sentAt: 0 });

const begun = (maxSize = 1_000_000, cursor = 0, head = 0): Inbox => {
  const inbox = new Inbox(maxSize, () => 'this-tab');
  inbox.start({ epoch: 'one', cursor, head }, undefined, false);
  return inbox;
};

const replay = (from: number, through: number, seqs: number[], more = false) => ({
  from,
  through,
  messages: seqs.map(message),
  more,
  size: seqs.length,
});

function drain(inbox: Inbox): number[] {
  const seqs: number[] = [];
  for (let next = inbox.next(); next; next = inbox.next()) {
    seqs.push(next.seq);
    inbox.finish(next);
  }
  return seqs;
}

describe('the inbox', () => {
  it('holds what comes early until the gap is closed', () => {
    const inbox = begun();
    for (const seq of [2, 3]) inbox.add(message(seq), 1);
    expect([inbox.next(), inbox.isLacking, inbox.finished?.seq]).toEqual([undefined, true, 0]);
    inbox.add(message(1), 1);
    expect([drain(inbox), inbox.isLacking, inbox.finished?.seq]).toEqual([[1, 2, 3], false, 3]);
  });

  it('passes over seqs that a replay settles without a message', () => {
    const inbox = begun();
    inbox.addReplay(replay(0, 9, [2, 5]));
    expect([drain(inbox), inbox.finished?.seq]).toEqual([[2, 5], 9]);
  });

  it('does not believe a replay that begins after a gap', () => {
    const inbox = begun();
    inbox.addReplay(replay(5, 9, [7]));
    expect([inbox.next(), inbox.finished?.seq, inbox.isLacking]).toEqual([undefined, 0, true]);
    inbox.addReplay(replay(0, 5, [3]));
    inbox.addReplay(replay(5, 9, [7]));
    expect(drain(inbox)).toEqual([3, 7]);
  });

  it('counts a message as finished only when it is', () => {
    const inbox = begun();
    inbox.add(message(1), 1);
    const first = inbox.next();
    expect(inbox.finished?.seq).toBe(0);
    if (first) inbox.finish(first);
    expect(inbox.finished?.seq).toBe(1);
  });

  it('goes on from the position it kept, whether the server is behind or ahead', () => {
    for (const cursor of [3, 7]) {
      const inbox = new Inbox(1000, () => 'this-tab');
      expect(inbox.start({ epoch: 'one', cursor, head: 9 }, { epoch: 'one', seq: 5 }, false)).toBeUndefined();
      expect(inbox.finished?.seq).toBe(5);
    }
  });

  it('gives its position up for another epoch or a head that went back, and surfaces what it held', () => {
    for (const start of [
      { epoch: 'two', cursor: 0, head: 1 },
      { epoch: 'one', cursor: 0, head: 1 },
    ]) {
      const inbox = begun(1000, 4, 5);
      inbox.add(message(5), 1);
      inbox.add(message(8), 1);
      expect(inbox.start(start, undefined, false)).toEqual({ epoch: 'one', seq: 5 });
      inbox.add(message(1), 1);
      expect([drain(inbox), inbox.finished]).toEqual([[5, 8, 1], { epoch: start.epoch, seq: 1 }]);
    }
  });

  it('does not take the head of an overlapping connection for one that went back', () => {
    const inbox = begun(1000, 4, 5);
    inbox.add(message(5), 1);
    expect(inbox.start({ epoch: 'one', cursor: 3, head: 4 }, undefined, true)).toBeUndefined();
    expect(drain(inbox)).toEqual([5]);
  });

  it('is never larger than its bound and one frame, and still gets everything', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 50 }), fc.array(fc.nat(400)), (maxSize, live) => {
        const inbox = begun(maxSize, 0, 400);
        const seen: number[] = [];
        for (const seq of live) if (seq > 0) inbox.add(message(seq), 1);
        for (let rounds = 0; inbox.isLacking && rounds < 2000; rounds++) {
          const from = inbox.settled;
          const through = Math.min(400, from + 2);
          inbox.addReplay(
            replay(
              from,
              through,
              [from + 1, from + 2].filter((seq) => seq <= 400),
            ),
          );
          if (inbox.isFull || rounds % 3 === 0) seen.push(...drain(inbox));
        }
        expect([...seen, ...drain(inbox)]).toEqual(Array.from({ length: 400 }, (_, index) => index + 1));
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
          const inbox = begun();
          const isThere = (seq: number) => seq <= 40 && !own.includes(seq);
          const seen: number[] = [];
          const arrived = new Set<number>();
          const take = (from: number, through: number) => {
            const seqs = Array.from({ length: through - from }, (_, index) => from + 1 + index).filter(
              isThere,
            );
            for (const seq of seqs) arrived.add(seq);
            inbox.addReplay(replay(from, through, seqs));
          };
          for (const { isReplay, at, length, finishes, restarts } of frames) {
            if (restarts)
              inbox.start({ epoch: 'one', cursor: inbox.finished?.seq ?? 0, head: 40 }, undefined, false);
            if (isReplay) take(at, Math.min(40, at + length));
            else if (isThere(at + 1)) {
              arrived.add(at + 1);
              inbox.add(message(at + 1), 1);
            }
            for (let count = 0; count < finishes; count++) {
              const next = inbox.next();
              if (!next) break;
              seen.push(next.seq);
              inbox.finish(next);
            }
            const { seq: finished = 0 } = inbox.finished ?? {};
            expect(finished).toBeLessThanOrEqual(inbox.settled);
            expect(seen).toEqual([...seen].sort((one, other) => one - other));
            expect(seen.every((seq) => arrived.has(seq) && seq <= finished)).toBe(true);
          }
          take(inbox.settled, 40);
          seen.push(...drain(inbox));
          expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => index + 1).filter(isThere));
          expect([inbox.isLacking, inbox.finished?.seq]).toEqual([false, 40]);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

/** What is read, by marks that come in any order: the value against a plain list of flags. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRead, NOTHING_READ, withMark } from '../../../../lambdas/domain/inbox/read-marks.ts';
import type { ReadMarks } from '../../../../lambdas/protocol/frames.ts';
import { MAX_READ_SINGLES } from '../../../../lambdas/protocol/limits.ts';
import type { Mark } from '../../../../lambdas/protocol/read-mark.ts';

const NEWEST = 30;
const seq = fc.integer({ min: 1, max: NEWEST });
const seqs = fc.array(seq, { minLength: 1, maxLength: 5 });
const reading = fc.oneof(
  seq.map((through) => ({ through })),
  seqs.map((list) => ({ seqs: list })),
);
const marking = fc.oneof(
  reading,
  seqs.map((unread) => ({ unread })),
);

const marksAfter = (marks: readonly Mark[], from: ReadMarks = NOTHING_READ): ReadMarks =>
  marks.reduce<ReadMarks>((state, mark) => withMark(state, mark) ?? expect.unreachable(), from);

const readSeqs = (marks: ReadMarks): number[] =>
  Array.from({ length: NEWEST }, (_, index) => index + 1).filter((each) => isRead(marks, each));

function applied(read: ReadonlySet<number>, mark: Mark): ReadonlySet<number> {
  if ('unread' in mark) return new Set([...read].filter((each) => !mark.unread.includes(each)));
  const added = 'seqs' in mark ? mark.seqs : Array.from({ length: mark.through }, (_, index) => index + 1);
  return new Set([...read, ...added]);
}

describe('what is read', () => {
  it('is what the marks said, one after the other', () => {
    fc.assert(
      fc.property(fc.array(marking, { maxLength: 12 }), (marks) => {
        const expected = marks.reduce<ReadonlySet<number>>(applied, new Set());

        expect(new Set(readSeqs(marksAfter(marks)))).toEqual(expected);
      }),
    );
  });

  it('is the same in any order and with repetitions, while nothing is taken back', () => {
    const shuffled = fc
      .array(reading, { maxLength: 12 })
      .chain((marks) =>
        fc.tuple(
          fc.constant(marks),
          fc.shuffledSubarray([...marks, ...marks], { minLength: 2 * marks.length }),
        ),
      );
    fc.assert(
      fc.property(shuffled, ([marks, again]) => {
        expect(marksAfter(again)).toEqual(marksAfter(marks));
      }),
    );
  });

  it('is written in one way only: ascending, and never right behind `through`', () => {
    fc.assert(
      fc.property(fc.array(marking, { maxLength: 12 }), (marks) => {
        const { through, seqs: singles } = marksAfter(marks);

        expect(singles).toEqual([...new Set(singles)].sort((one, other) => one - other));
        expect(singles[0] ?? through + 2).toBeGreaterThan(through + 1);
      }),
    );
  });

  it('absorbs single seqs that `through` reaches', () => {
    expect(marksAfter([{ seqs: [2, 3, 5] }, { through: 1 }])).toEqual({ through: 3, seqs: [5] });
    expect(marksAfter([{ seqs: [3, 2, 1] }])).toEqual({ through: 3, seqs: [] });
  });

  it('makes `through` the seq before an unread one, and keeps what lies between', () => {
    expect(marksAfter([{ through: 5 }, { unread: [3] }])).toEqual({ through: 2, seqs: [4, 5] });
    expect(marksAfter([{ through: 5 }, { unread: [6] }])).toEqual({ through: 5, seqs: [] });
  });
});

describe('beyond the single seqs that are kept', () => {
  const evens = Array.from({ length: MAX_READ_SINGLES }, (_, index) => 2 * (index + 1));
  const full = { through: 0, seqs: evens };

  it('takes the oldest unread messages as read', () => {
    const { through, seqs: singles } = marksAfter([{ seqs: [5000] }], full);

    expect(through).toBe(2);
    expect(singles).toEqual([...evens.slice(1), 5000]);
  });

  it('refuses to take back what would need more of them', () => {
    const all = { through: MAX_READ_SINGLES + 2, seqs: [] };

    expect(withMark(all, { unread: [1] })).toBeUndefined();
    expect(withMark(all, { unread: [2] })).toEqual({
      through: 1,
      seqs: Array.from({ length: MAX_READ_SINGLES }, (_, index) => index + 3),
    });
    expect(withMark({ through: Number.MAX_SAFE_INTEGER, seqs: [] }, { unread: [1] })).toBeUndefined();
  });
});

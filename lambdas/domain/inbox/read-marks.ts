/**
 * What a user has read, as a value: all messages up to a seq, and single ones after it. Marks may
 * come late, twice and in any order.
 */
import type { ReadMarks } from '../../protocol/frames.ts';
import { MAX_READ_SINGLES } from '../../protocol/limits.ts';
import type { Mark } from '../../protocol/read-mark.ts';

export const NOTHING_READ: ReadMarks = { through: 0, seqs: [] };

export const isRead = ({ through, seqs }: ReadMarks, seq: number): boolean =>
  seq <= through || seqs.includes(seq);

/** Whether two values say the same. */
export const areSameMarks = (one: ReadMarks, other: ReadMarks): boolean =>
  one.through === other.through &&
  one.seqs.length === other.seqs.length &&
  one.seqs.every((seq, index) => seq === other.seqs[index]);

/**
 * The marks after one more. Undefined: the mark would leave more than {@link MAX_READ_SINGLES}
 * single seqs, none of which may be taken for read or unread instead.
 */
export function withMark(marks: ReadMarks, mark: Mark): ReadMarks | undefined {
  if ('unread' in mark) return withUnread(marks, mark.unread);
  const added = 'seqs' in mark ? mark.seqs : [];
  const through = Math.max(marks.through, 'through' in mark ? mark.through : 0);
  return bounded(absorbed(through, [...marks.seqs, ...added]));
}

/**
 * An unread seq at or below `through` makes `through` the seq before it, and what lies between
 * becomes single seqs.
 */
function withUnread({ through, seqs }: ReadMarks, unread: readonly number[]): ReadMarks | undefined {
  const lowest = Math.min(through + 1, ...unread);
  if (through - lowest >= MAX_READ_SINGLES + unread.length) return undefined;
  const between = Array.from({ length: through + 1 - lowest }, (_, index) => lowest + index);
  const left = [...between, ...seqs].filter((seq) => !unread.includes(seq));
  const marks = absorbed(lowest - 1, left);
  return marks.seqs.length > MAX_READ_SINGLES ? undefined : marks;
}

/** Ascending, each once; single seqs next to `through` are absorbed into it. */
function absorbed(through: number, seqs: readonly number[]): ReadMarks {
  const singles = [...new Set(seqs)].filter((seq) => seq > through).sort((one, other) => one - other);
  const gap = singles.findIndex((seq, index) => seq !== through + 1 + index);
  const next = gap < 0 ? singles.length : gap;
  return { through: through + next, seqs: singles.slice(next) };
}

/** Beyond the bound, the oldest unread messages are taken as read. */
function bounded({ through, seqs }: ReadMarks): ReadMarks {
  const tooMany = seqs.length - MAX_READ_SINGLES;
  return tooMany <= 0 ? { through, seqs } : absorbed(seqs[tooMany - 1] ?? through, seqs);
}

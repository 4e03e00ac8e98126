/** What is read, as plain sets of seqs: slow, obvious, and nothing of how Herald computes it. */
import type { ReadMarks } from '../../../lambdas/protocol/frames.ts';
import type { Mark } from '../../../lambdas/protocol/read-mark.ts';
import type { Row } from '../dynamodb/expressions.ts';

/** The state of a user as a row keeps it, or as a frame tells it. */
export interface Told extends ReadMarks {
  version: number;
  epoch: string;
}

export const stateIn = (row: Row): Told => ({
  version: Number(row.version),
  epoch: String(row.epoch),
  through: Number(row.through),
  seqs: JSON.parse(String(row.seqs)),
});

export const seqsOf = ({ through, seqs }: ReadMarks): Set<number> => new Set([...upTo(through), ...seqs]);

export function marked(read: ReadonlySet<number>, mark: Mark): Set<number> {
  if ('unread' in mark) return new Set([...read].filter((seq) => !mark.unread.includes(seq)));
  return new Set([...read, ...('through' in mark ? upTo(mark.through) : mark.seqs)]);
}

/** Whether the mark would change nothing. */
export const holdsMark = (read: ReadonlySet<number>, mark: Mark): boolean =>
  sameSeqs(read, marked(read, mark));

export const sameSeqs = (one: ReadonlySet<number>, other: ReadonlySet<number>): boolean =>
  one.size === other.size && [...one].every((seq) => other.has(seq));

/** Single seqs ascend, each once, and none is next to `through`. */
export const isShortest = ({ through, seqs }: ReadMarks): boolean =>
  seqs.every((seq, index) => seq > (seqs[index - 1] ?? through + 1));

const upTo = (seq: number): number[] => Array.from({ length: seq }, (_none, index) => index + 1);

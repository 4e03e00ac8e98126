/** What a user has read, and what a mark makes of it. Pure. */
import { isCount } from '../frame.ts';
import type { Mark, ReadState } from './inbox-frames.ts';

export const NOTHING_READ: ReadState = { version: 0, through: 0, seqs: [] };

/** The server gives up counting, and takes back marks, beyond so many. */
export const MAX_COUNTED = 1000;

export const isRead = ({ through, seqs }: ReadState, seq: number): boolean =>
  seq <= through || seqs.includes(seq);

/** Returns the state itself if the mark changes nothing. */
export function marked(state: ReadState, { form, seq }: Mark): ReadState {
  const { through, seqs } = state;
  if (form === 'through')
    return seq > through ? { ...state, through: seq, seqs: seqs.filter((one) => one > seq) } : state;
  if (isRead(state, seq) === (form === 'seqs')) return state;
  if (form === 'seqs') return { ...state, seqs: [...seqs, seq] };
  if (seq > through) return { ...state, seqs: seqs.filter((one) => one !== seq) };
  const length = Math.min(through - seq, MAX_COUNTED);
  const between = Array.from({ length }, (_, index) => through - index);
  return { ...state, through: seq - 1, seqs: [...between, ...seqs] };
}

/** Whether it is as a server says it. */
export const isReadState = (state: ReadState | undefined): boolean =>
  isCount(state?.version) && isCount(state.through) && Array.isArray(state.seqs) && state.seqs.every(isCount);

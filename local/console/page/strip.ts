/** What a device has of a log, newest last, as runs of seqs of one state: as short for a thousand messages as for ten. */
import { element } from './dom.ts';
import type { Hearing, SeqState } from './hearing.ts';

export interface Run {
  state: SeqState;
  from: number;
  through: number;
}

const MOST_RUNS = 8;

const MEANINGS: Record<SeqState, string> = {
  live: 'came live',
  replayed: 'came with a replay',
  own: 'its own, so it stays silent',
  earlier: 'settled before',
  missing: 'not here yet',
  withdrawn: 'withdrawn',
};

/** The newest runs, oldest of them first. */
export function runsOf(head: number, stateOf: (seq: number) => SeqState): Run[] {
  const runs: Run[] = [];
  for (let seq = head; seq >= 1; seq--) {
    const state = stateOf(seq);
    const [oldest] = runs;
    if (oldest?.state === state) oldest.from = seq;
    else if (runs.length === MOST_RUNS) break;
    else runs.unshift({ state, from: seq, through: seq });
  }
  return runs;
}

export function stripOf(hearing: Hearing): HTMLElement[] {
  const runs = runsOf(hearing.channel.head, (seq) => hearing.stateOf(seq));
  return runs.map(({ state, from, through }) => {
    const seqs = from === through ? String(from) : `${from}–${through}`;
    const label = `${seqs}: ${MEANINGS[state]}`;
    return element('li', { 'data-seq-state': state, title: label, 'aria-label': label }, seqs);
  });
}

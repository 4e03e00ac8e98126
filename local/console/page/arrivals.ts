/** The newest messages that a device got of a channel, newest first, each with how it came. */
import { element, inMs } from './dom.ts';
import type { Arrival, Hearing } from './hearing.ts';

export function arrivalRows({ arrivals, channel }: Hearing, most: number): HTMLElement[] {
  if (arrivals.length === 0)
    return [element('li.quiet', {}, channel.head === 0 ? 'No message yet' : 'Nothing new')];
  const newest = arrivals.toSorted((one, other) => other.seq - one.seq);
  return newest.slice(0, most).map(rowOf);
}

const HOW = { live: 'live', replayed: 'replayed', own: 'silent' };

const rowOf = ({ seq, text, how, milliseconds }: Arrival): HTMLElement =>
  element(
    'li',
    { 'data-seq': String(seq) },
    element('span.seq', {}, `#${seq}`),
    element('span.text', {}, text),
    element(
      'span.how',
      { 'data-how': how },
      how === 'live' && milliseconds !== undefined ? `live ${inMs(milliseconds)}` : HOW[how],
    ),
  );

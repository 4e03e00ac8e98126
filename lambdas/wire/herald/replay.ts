/** Cuts a range of a log into replay frames of at most 32 KB. */
import type { KeptMessage, ReplayRange } from '../../domain/ports/frame-sizes.ts';
import type { JsonText, ReplayFrame } from '../../protocol/frames.ts';
import { MAX_FRAME_BYTES, utf8Bytes } from '../../protocol/limits.ts';
import { encodeFrame, encodeMessage } from './encode.ts';

/** The bytes of a replay frame without its messages, each number at its longest. */
const envelopeBytes = ({ channel, epoch, kept }: ReplayRange): number =>
  utf8Bytes(
    encodeFrame({
      event: 'replay',
      channel,
      epoch,
      messages: [],
      after: Number.MAX_SAFE_INTEGER,
      through: Number.MAX_SAFE_INTEGER,
      expired: Number.MAX_SAFE_INTEGER,
      ...(kept.some(({ isCollapsed }) => isCollapsed) && { collapsed: Number.MAX_SAFE_INTEGER }),
      ...(kept.some(({ withdraws }) => withdraws) && { withdrawn: [] }),
      more: false,
    }),
  );

/** What an entry adds to its frame, with a comma for each item. */
function bytesOf({ told, withdraws = [] }: KeptMessage): number {
  const seqs = withdraws.reduce((sum, seq) => sum + String(seq).length + 1, 0);
  return seqs + (told ? utf8Bytes(encodeMessage(told)) + 1 : 0);
}

/**
 * Cuts a range into frames that together account for every seq; at least one frame, if need be
 * without messages. A seq of the range that is not among those kept has expired, or was withdrawn.
 */
export function* replayFrames(range: ReplayRange): Generator<ReplayFrame<JsonText>, void> {
  const { channel, epoch } = range;
  const room = MAX_FRAME_BYTES - envelopeBytes(range);
  let { after } = range;
  let messages: ReplayFrame<JsonText>['messages'] = [];
  /** How many messages after `after` are kept, told or not. */
  let kept = 0;
  let collapsed = 0;
  let withdrawn: number[] = [];
  let bytes = 0;
  const upTo = (through: number): ReplayFrame<JsonText> => {
    const expired = through - after - kept;
    return {
      event: 'replay',
      channel,
      epoch,
      messages,
      after,
      through,
      expired,
      ...(collapsed > 0 && { collapsed }),
      ...(withdrawn.length > 0 && { withdrawn }),
      more: through < range.head,
    };
  };

  for (const entry of range.kept) {
    const { told, isCollapsed, withdraws = [] } = entry;
    const size = bytesOf(entry);
    // The first has no comma.
    if (size > 0 && bytes > 0 && bytes + size > room + 1) {
      const last = entry.seq - 1;
      yield upTo(last);
      messages = [];
      after = last;
      kept = 0;
      collapsed = 0;
      withdrawn = [];
      bytes = 0;
    }
    if (told) messages.push(told);
    withdrawn.push(...withdraws);
    bytes += size;
    kept += 1;
    if (isCollapsed) collapsed += 1;
  }
  yield upTo(range.through);
}

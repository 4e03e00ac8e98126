/** Cuts a range of a log into replay frames of at most 32 KB. */
import type { Message } from '../../domain/model.ts';
import { isExcluded, originTabFor } from '../../domain/origin.ts';
import type { ReplayRange } from '../../domain/ports.ts';
import type { JsonText, ReplayFrame } from '../../protocol/frames.ts';
import { MAX_FRAME_BYTES, utf8Bytes } from '../../protocol/limits.ts';
import { encodeFrame, encodeMessage } from './encode.ts';

/** The bytes of a replay frame without its messages, each number at its longest. */
const envelopeBytes = (channel: string, epoch: string): number =>
  utf8Bytes(
    encodeFrame({
      event: 'replay',
      channel,
      epoch,
      messages: [],
      after: Number.MAX_SAFE_INTEGER,
      through: Number.MAX_SAFE_INTEGER,
      expired: Number.MAX_SAFE_INTEGER,
      collapsed: Number.MAX_SAFE_INTEGER,
      more: false,
    }),
  );

/**
 * Cuts a range into frames that together account for every seq; at least one frame, if need be
 * without messages. A seq of the range that is not among its messages has expired. Of the messages with
 * one collapse key only the newest is sent.
 */
export function* replayFrames(range: ReplayRange): Generator<ReplayFrame<JsonText>, void> {
  const { channel, epoch, hearer } = range;
  const newest = newestByKey(range);
  const room = MAX_FRAME_BYTES - envelopeBytes(channel, epoch);
  let { after } = range;
  let messages: ReplayFrame<JsonText>['messages'] = [];
  /** How many messages after `after` are kept, including the device's own and the collapsed. */
  let kept = 0;
  let collapsed = 0;
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
      more: through < range.head,
    };
  };

  for (const message of range.messages) {
    if (isSuperseded(message, newest)) collapsed += 1;
    else if (!isExcluded(message, hearer)) {
      const origin = originTabFor(message, hearer);
      const told = origin === undefined ? message : { ...message, origin };
      const size = utf8Bytes(encodeMessage(told)) + 1; // its comma
      if (messages.length > 0 && bytes + size > room + 1) {
        const last = message.seq - 1;
        yield upTo(last);
        messages = [];
        after = last;
        kept = 0;
        collapsed = 0;
        bytes = 0;
      }
      messages.push(told);
      bytes += size;
    }
    kept += 1;
  }
  yield upTo(range.through);
}

/** By collapse key, the newest seq of the range. */
const newestByKey = ({ messages }: ReplayRange): ReadonlyMap<string, number> =>
  new Map(
    messages.flatMap(({ collapseKey, seq }) => (collapseKey === undefined ? [] : [[collapseKey, seq]])),
  );

const isSuperseded = ({ collapseKey, seq }: Message, newest: ReadonlyMap<string, number>): boolean =>
  collapseKey !== undefined && newest.get(collapseKey) !== seq;

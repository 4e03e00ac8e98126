/** Keeps a `history` frame within 32 KB: what does not fit is for the next page. */
import type { HistoryFrame, JsonText } from '../../protocol/frames.ts';
import { MAX_FRAME_BYTES, utf8Bytes } from '../../protocol/limits.ts';
import { encodeFrame, encodeInboxMessage } from './encode.ts';

/** The frame with as many of its newest messages as fit. The largest message fits by itself. */
export function fitHistory(frame: HistoryFrame<JsonText>): HistoryFrame<JsonText> {
  // `more` at its longest.
  let bytes = utf8Bytes(encodeFrame({ ...frame, messages: [], more: false }));
  const fitting = frame.messages.findIndex((message) => {
    bytes += utf8Bytes(encodeInboxMessage(message)) + 1; // its comma
    return bytes > MAX_FRAME_BYTES + 1; // the first has none
  });
  return fitting < 0 ? frame : { ...frame, messages: frame.messages.slice(0, fitting), more: true };
}

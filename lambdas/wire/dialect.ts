/**
 * The dialects: how frames are written and read for each kind of client. The sub-protocol of the
 * handshake picks one; the connection's row remembers it.
 */
import type { ReplayRange } from '../domain/ports.ts';
import type { ClientFrame, PublishFrame } from '../protocol/client-frame.ts';
import type { DialectName, HistoryFrame, JsonText, OutgoingFrame, ReplayFrame } from '../protocol/frames.ts';
import { encodeFrame } from './herald/encode.ts';
import { fitHistory } from './herald/history.ts';
import { parseClientFrame, parsePublishFrame } from './herald/parse.ts';
import { replayFrames } from './herald/replay.ts';

export interface Dialect {
  /** The frames of one WebSocket message. Throws a `FrameError`. */
  parse(text: string): ClientFrame[];
  /** The frame of the route `publish`. Throws a `FrameError`. */
  parsePublish(text: string): PublishFrame;
  /** The text of one frame. A frame that goes to many connections is encoded once. */
  encode(frame: OutgoingFrame): string;
  /** The range as frames, each as full as the dialect allows. */
  replay(range: ReplayRange): Iterable<ReplayFrame<JsonText>>;
  /** The frame with as many of its newest messages as one frame may have. */
  fitHistory(frame: HistoryFrame<JsonText>): HistoryFrame<JsonText>;
}

const DIALECTS: Record<DialectName, Dialect> = {
  'herald.v1': {
    parse: (text) => [parseClientFrame(text)],
    parsePublish: parsePublishFrame,
    encode: once(encodeFrame),
    replay: replayFrames,
    fitHistory,
  },
};

export const dialectOf = (name: DialectName): Dialect => DIALECTS[name];

/** Remembers the text of each frame, for as long as somebody holds the frame. */
function once(encode: (frame: OutgoingFrame) => string): (frame: OutgoingFrame) => string {
  const texts = new WeakMap<OutgoingFrame, string>();
  return (frame) => {
    const text = texts.get(frame) ?? encode(frame);
    texts.set(frame, text);
    return text;
  };
}

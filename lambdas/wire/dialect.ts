/**
 * The dialects: how frames are written and read for each kind of client. The sub-protocol of the
 * handshake picks one; the connection's row remembers it.
 */
import type { ReplayRange } from '../domain/ports/frame-sizes.ts';
import type { ClientFrame, PublishFrame } from '../protocol/client-frame.ts';
import { FrameError } from '../protocol/errors.ts';
import type { DialectName, HistoryFrame, JsonText, OutgoingFrame, ReplayFrame } from '../protocol/frames.ts';
import { isStomp } from '../protocol/stomp.ts';
import { encodeFrame } from './herald/encode.ts';
import { fitHistory } from './herald/history.ts';
import { parseClientFrame, parsePublishFrame } from './herald/parse.ts';
import { replayFrames } from './herald/replay.ts';

export interface Dialect {
  /** The frames of one WebSocket message. Throws a `FrameError`. */
  parse(text: string): ClientFrame[];
  /** The frame of the route `publish`. Throws a `FrameError`. */
  parsePublish(text: string): PublishFrame;
  /**
   * The text of one frame; empty if the dialect has no such frame. A frame that goes to many
   * connections is encoded once.
   */
  encode(frame: OutgoingFrame): string;
  /** The range as frames, each as full as the dialect allows. */
  replay(range: ReplayRange): Iterable<ReplayFrame<JsonText>>;
  /** The frame with as many of its newest messages as one frame may have. */
  fitHistory(frame: HistoryFrame<JsonText>): HistoryFrame<JsonText>;
}

const HERALD: Dialect = {
  parse: (text) => [parseClientFrame(text)],
  parsePublish: parsePublishFrame,
  encode: once(encodeFrame),
  replay: replayFrames,
  fitHistory,
};

/**
 * Of STOMP's clients. A frame of JSON would cost them the next message: whoever has not loaded what
 * writes for them (`stomp/encode-all.ts`) has nothing to say to them.
 */
const SILENT: Dialect = {
  parse: () => [],
  parsePublish: () => {
    throw new FrameError('unknown_action', 'expected a frame of STOMP');
  },
  encode: () => '',
  replay: () => [],
  fitHistory: (frame) => frame,
};

export const dialectOf = (name: DialectName): Dialect => (isStomp(name) ? SILENT : HERALD);

/** Remembers the text of each frame, for as long as somebody holds the frame. */
function once(encode: (frame: OutgoingFrame) => string): (frame: OutgoingFrame) => string {
  const texts = new WeakMap<OutgoingFrame, string>();
  return (frame) => {
    const text = texts.get(frame) ?? encode(frame);
    texts.set(frame, text);
    return text;
  };
}

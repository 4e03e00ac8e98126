/** Packs messages into replay frames of at most 32 KB, and tells beforehand whether a message fits into one. */
import { encodeReplay, encodeReplayed, type JsonText, type WireMessage } from '../protocol/frames.ts';
import { MAX_FRAME_BYTES, utf8Bytes } from '../protocol/limits.ts';
import type { Message } from './ports.ts';

/** What one replay frame carries. */
export interface ReplayChunk {
  messages: JsonText[];
  after: number;
  through: number;
  expired: number;
}

/** The size of a replay frame around its messages, with every number at its widest. */
const envelopeBytes = (channel: string, epoch: string): number =>
  utf8Bytes(
    encodeReplay({
      channel,
      epoch,
      messages: [],
      after: Number.MAX_SAFE_INTEGER,
      through: Number.MAX_SAFE_INTEGER,
      expired: Number.MAX_SAFE_INTEGER,
      more: false,
    }),
  );

/** An epoch is a UUID: all are as long as this. */
const ANY_EPOCH = '00000000-0000-0000-0000-000000000000';

/** Size of the largest frame a message not yet numbered can become: alone in a replay, every number at its widest. */
export const largestFrameBytes = (channel: string, message: Omit<WireMessage, 'seq' | 'sentAt'>): number =>
  envelopeBytes(channel, ANY_EPOCH) +
  utf8Bytes(encodeReplayed({ ...message, seq: Number.MAX_SAFE_INTEGER, sentAt: Number.MAX_SAFE_INTEGER }));

/**
 * Portions that together settle every seq after `after` and up to `through`; at least one, if need be without
 * messages. `messages`: what is kept of these seqs, ascending; whatever is missing has expired. The messages of
 * `originDeviceId` itself are settled and left out.
 */
export function* pack(
  { channel, epoch }: { channel: string; epoch: string },
  { after, through, messages }: { after: number; through: number; messages: Message[] },
  originDeviceId: string | undefined,
): Generator<ReplayChunk, void> {
  const room = MAX_FRAME_BYTES - envelopeBytes(channel, epoch);
  let portion: JsonText[] = [];
  let settled = after;
  let kept = 0;
  let bytes = 0;
  const upTo = (seq: number): ReplayChunk => ({
    messages: portion,
    after: settled,
    through: seq,
    expired: seq - settled - kept,
  });

  for (const message of messages) {
    if (originDeviceId === undefined || message.originDeviceId !== originDeviceId) {
      const encoded = encodeReplayed(message);
      const size = utf8Bytes(encoded) + 1; // its comma
      if (portion.length > 0 && bytes + size > room + 1) {
        const last = message.seq - 1;
        yield upTo(last);
        portion = [];
        settled = last;
        kept = 0;
        bytes = 0;
      }
      portion.push(encoded);
      bytes += size;
    }
    kept += 1;
  }
  yield upTo(through);
}

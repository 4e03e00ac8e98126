/**
 * Reads the frames a client of `herald.v1` sends. A frame is understood as a whole or refused;
 * unknown fields are ignored.
 */
import type { ClientFrame } from '../../protocol/client-frame.ts';
import { FrameError } from '../../protocol/errors.ts';
import { MAX_FRAME_BYTES, MAX_REF_BYTES, utf8Bytes } from '../../protocol/limits.ts';

/** Throws a {@link FrameError}. */
export function parseClientFrame(text: string): ClientFrame {
  const fields = parseObject(text);
  const ref = optionalString(fields, 'ref');
  if (ref !== undefined && utf8Bytes(ref) > MAX_REF_BYTES) {
    throw new FrameError('bad_frame', `ref: expected at most ${MAX_REF_BYTES} bytes`);
  }
  switch (fields.action) {
    case 'ack':
      return { action: 'ack', seq: position(fields, 'seq', ref), ...onChannel(fields, ref) };
    case 'sync':
      return {
        action: 'sync',
        after: fields.after === undefined ? undefined : position(fields, 'after', ref),
        ...onChannel(fields, ref),
      };
    case 'ping':
      return { action: 'ping', ref };
    default:
      throw typeof fields.action === 'string'
        ? new FrameError('unknown_action', 'action: expected ack, sync or ping', ref)
        : new FrameError('bad_frame', 'action: expected a string', ref);
  }
}

type Fields = Record<string, unknown>;

function parseObject(text: string): Fields {
  if (utf8Bytes(text) > MAX_FRAME_BYTES) {
    throw new FrameError('frame_too_large', `expected a frame of at most ${MAX_FRAME_BYTES} bytes`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FrameError('bad_json', 'expected a JSON text');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FrameError('bad_frame', 'expected a JSON object');
  }
  return value as Fields;
}

const onChannel = (fields: Fields, ref: string | undefined) => ({
  channel: optionalString(fields, 'channel', ref),
  epoch: optionalString(fields, 'epoch', ref),
  ref,
});

function optionalString(fields: Fields, name: string, ref?: string): string | undefined {
  const value = fields[name];
  if (value === undefined || typeof value === 'string') return value;
  throw new FrameError('bad_frame', `${name}: expected a string`, ref);
}

function position(fields: Fields, name: string, ref: string | undefined): number {
  const value = fields[name];
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new FrameError('bad_frame', `${name}: expected an integer, 0 or more`, ref);
}

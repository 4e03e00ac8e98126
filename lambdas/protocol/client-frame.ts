/** Reads the frames a client sends. A frame is wholly understood or refused; unknown fields are ignored. */
import { FrameError } from './errors.ts';
import { MAX_FRAME_BYTES, MAX_REF_BYTES, utf8Bytes } from './limits.ts';

interface Common {
  /** Echoed in the error frame, should there be one. */
  ref?: string | undefined;
}

interface OnChannel extends Common {
  /** Default: the user's own channel. */
  channel?: string | undefined;
  /** When given, the numbering the client means; another one is refused with `epoch_mismatch`. */
  epoch?: string | undefined;
}

export interface AckFrame extends OnChannel {
  action: 'ack';
  /** All through this seq is settled. */
  seq: number;
}

export interface SyncFrame extends OnChannel {
  action: 'sync';
  /** Default: the device's cursor. */
  after?: number | undefined;
}

export interface PingFrame extends Common {
  action: 'ping';
}

export type ClientFrame = AckFrame | SyncFrame | PingFrame;

/** Throws a {@link FrameError}. */
export function parseClientFrame(body: string | undefined): ClientFrame {
  const fields = parseObject(body ?? '');
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

function parseObject(body: string): Fields {
  if (utf8Bytes(body) > MAX_FRAME_BYTES) {
    throw new FrameError('frame_too_large', `expected a frame of at most ${MAX_FRAME_BYTES} bytes`);
  }
  let value: unknown;
  try {
    value = JSON.parse(body);
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

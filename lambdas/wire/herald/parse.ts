/**
 * Reads the frames a client of `herald.v1` sends. A frame is understood as a whole or refused;
 * unknown fields are ignored.
 */
import type { Ack, ClientFrame, PublishFrame } from '../../protocol/client-frame.ts';
import { faultsOfData } from '../../protocol/data.ts';
import { FrameError, RequestError } from '../../protocol/errors.ts';
import { isRecord } from '../../protocol/json.ts';
import {
  MAX_ACKS,
  MAX_FRAME_BYTES,
  MAX_INBOX_LIMIT,
  MAX_REF_BYTES,
  utf8Bytes,
} from '../../protocol/limits.ts';
import { DESTINATION_RULE, isDestination, isTab, TOKEN_RULE } from '../../protocol/names.ts';
import { parseClientNotification } from '../../protocol/notification.ts';
import { type Mark, parseMark } from '../../protocol/read-mark.ts';

/** Throws a {@link FrameError}. */
export function parseClientFrame(text: string): ClientFrame {
  const fields = parseObject(text);
  const ref = refOf(fields);
  switch (fields.action) {
    case 'ack':
      return { action: 'ack', acks: acks(fields, ref), ref };
    case 'sync':
      return {
        action: 'sync',
        after: fields.after === undefined ? undefined : position(fields, 'after', ref),
        first: firstOf(fields, ref),
        ...onChannel(fields, ref),
        ref,
      };
    case 'ping':
      return { action: 'ping', acks: fields.acks === undefined ? undefined : ackList(fields.acks, ref), ref };
    case 'subscribe':
      return {
        action: 'subscribe',
        channel: requiredString(fields, 'channel', ref),
        after: fields.after === undefined ? undefined : position(fields, 'after', ref),
        epoch: optionalString(fields, 'epoch', ref),
        ref,
      };
    case 'unsubscribe':
      return { action: 'unsubscribe', channel: requiredString(fields, 'channel', ref), ref };
    case 'send':
      return { action: 'send', destination: destination(fields, ref), data: data(fields, ref), ref };
    case 'history':
      return {
        action: 'history',
        channel: optionalString(fields, 'channel', ref),
        before: fields.before === undefined ? undefined : position(fields, 'before', ref),
        limit: fields.limit === undefined ? undefined : limit(fields, ref),
        ref,
      };
    case 'read':
      return { action: 'read', mark: mark(fields, ref), ref };
    default:
      throw typeof fields.action === 'string'
        ? new FrameError(
            'unknown_action',
            'action: expected ack, sync, ping, subscribe, unsubscribe, publish, send, history or read',
            ref,
          )
        : new FrameError('bad_frame', 'action: expected a string', ref);
  }
}

/** The frame of the route `publish`. Throws a {@link FrameError}. */
export function parsePublishFrame(text: string): PublishFrame {
  const { action, ref: _ref, tab, ...notification } = parseObject(text);
  const ref = refOf({ ref: _ref });
  if (action !== 'publish') throw new FrameError('unknown_action', 'action: expected publish', ref);
  if (tab !== undefined && !isTab(tab)) throw new FrameError('bad_frame', `tab: expected ${TOKEN_RULE}`, ref);
  try {
    return { action, notification: { ...parseClientNotification(notification), text }, tab, ref };
  } catch (error) {
    if (error instanceof RequestError) throw new FrameError('bad_frame', error.message, ref);
    throw error;
  }
}

type Fields = Record<string, unknown>;

function refOf(fields: Fields): string | undefined {
  const ref = optionalString(fields, 'ref');
  // As it will stand in the answer, where a control character takes six bytes.
  if (ref === undefined || utf8Bytes(JSON.stringify(ref)) - 2 <= MAX_REF_BYTES) return ref;
  throw new FrameError('bad_frame', `ref: expected at most ${MAX_REF_BYTES} bytes`);
}

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
  if (!isRecord(value)) throw new FrameError('bad_frame', 'expected a JSON object');
  return value;
}

/** One `seq`, or a list of `acks`. */
function acks(fields: Fields, ref: string | undefined): Ack[] {
  if (fields.acks === undefined) return [{ seq: position(fields, 'seq', ref), ...onChannel(fields, ref) }];
  if (fields.seq !== undefined) throw new FrameError('bad_frame', 'acks: expected either acks or seq', ref);
  return ackList(fields.acks, ref);
}

function ackList(list: unknown, ref: string | undefined): Ack[] {
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_ACKS)
    throw new FrameError('bad_frame', `acks: expected a list of 1 to ${MAX_ACKS}`, ref);
  return list.map((ack: unknown, index) => {
    const path = `acks[${index}]`;
    if (!isRecord(ack)) throw new FrameError('bad_frame', `${path}: expected an object`, ref);
    return { seq: position(ack, 'seq', ref, path), ...onChannel(ack, ref, path) };
  });
}

function destination(fields: Fields, ref: string | undefined): string {
  if (isDestination(fields.destination)) return fields.destination;
  throw new FrameError('bad_frame', `destination: expected ${DESTINATION_RULE}`, ref);
}

function data({ data: value = null }: Fields, ref: string | undefined): unknown {
  const faults = faultsOfData(value);
  // The path may be as long as the frame: an answer is to fit into one.
  if (faults.length > 0)
    throw new FrameError('bad_frame', new RequestError('invalid_request', faults).message, ref);
  return value;
}

function limit(fields: Fields, ref: string | undefined): number {
  const value = fields.limit;
  const isLimit = Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_INBOX_LIMIT;
  if (isLimit) return value as number;
  throw new FrameError('bad_frame', `limit: expected an integer from 1 to ${MAX_INBOX_LIMIT}`, ref);
}

function mark(fields: Fields, ref: string | undefined): Mark {
  const parsed = parseMark(fields);
  if (!('message' in parsed)) return parsed;
  const { path, message } = parsed;
  throw new FrameError('bad_frame', path ? `${path}: ${message}` : message, ref);
}

/** `path`: of the object that the fields are of, if it is not the frame. */
const onChannel = (fields: Fields, ref: string | undefined, path?: string) => ({
  channel: optionalString(fields, 'channel', ref, path),
  epoch: optionalString(fields, 'epoch', ref, path),
});

function firstOf({ first }: Fields, ref: string | undefined): true | undefined {
  if (first === undefined || first === true) return first;
  throw new FrameError('bad_frame', 'first: expected true, or none', ref);
}

function optionalString(fields: Fields, name: string, ref?: string, path?: string): string | undefined {
  const value = fields[name];
  if (value === undefined || typeof value === 'string') return value;
  throw new FrameError('bad_frame', `${within(path, name)}: expected a string`, ref);
}

function requiredString(fields: Fields, name: string, ref: string | undefined): string {
  const value = optionalString(fields, name, ref);
  if (value === undefined) throw new FrameError('bad_frame', `${name}: expected a string`, ref);
  return value;
}

function position(fields: Fields, name: string, ref: string | undefined, path?: string): number {
  const value = fields[name];
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new FrameError('bad_frame', `${within(path, name)}: expected an integer, 0 or more`, ref);
}

const within = (path: string | undefined, name: string): string =>
  path === undefined ? name : `${path}.${name}`;

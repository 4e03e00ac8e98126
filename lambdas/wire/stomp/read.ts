/** What the headers of a client's frame mean, by their names. */
import { faultsOfData } from '../../protocol/data.ts';
import { MAX_MESSAGE_BYTES, messageBytes, utf8Bytes } from '../../protocol/limits.ts';
import { isToken, TOKEN_RULE } from '../../protocol/names.ts';
import {
  type ConnectHeaders,
  MAX_NAMES_BYTES,
  STOMP_ACKS,
  STOMP_VERSIONS,
  type StompCommand,
  StompError,
  type StompVersion,
  type UnreadFrame,
} from '../../protocol/stomp.ts';
import { escapeHeader, unescapeHeader } from './escapes.ts';
import { framesIn, type RawFrame } from './grammar.ts';

/** A frame with its names and values unescaped. */
interface ReadFrame {
  command: string;
  headers: ReadonlyMap<string, string>;
  body: string;
}

/**
 * The frames of a text, each to be read when the version is known: before that nothing is escaped,
 * as in 1.0. Those before a wrong one are told before it throws a {@link StompError}.
 */
export function* stompFrames(text: string): Generator<UnreadFrame, void> {
  for (const frame of framesIn(text)) {
    yield {
      read: (version) => readCommand(unescaped(frame, version), version),
      receipt: (version) => receiptOf(frame, version),
    };
  }
}

function unescaped({ command, headers, body }: RawFrame, version: StompVersion): ReadFrame {
  const read = new Map<string, string>();
  for (const [rawName, rawValue] of headers) {
    const name = unescapeHeader(rawName, version);
    if (!read.has(name)) read.set(name, unescapeHeader(rawValue, version));
  }
  return { command, headers: read, body };
}

function receiptOf(frame: RawFrame, version: StompVersion): string | undefined {
  try {
    return unescaped(frame, version).headers.get('receipt');
  } catch (error) {
    if (error instanceof StompError) return undefined;
    throw error;
  }
}

function readCommand(frame: ReadFrame, version: StompVersion): StompCommand {
  const { command, headers } = frame;
  if (headers.has('transaction')) throw unsupported('transactions');
  switch (command) {
    case 'CONNECT':
    case 'STOMP':
      return { command: 'CONNECT', connect: readConnect(frame) };
    case 'SUBSCRIBE':
      return readSubscribe(headers, version);
    case 'UNSUBSCRIBE':
      return { command, id: headers.get('id') ?? headers.get('destination') };
    case 'SEND':
      return readSend(frame);
    case 'ACK':
      return { command, messageId: headers.get('id') ?? headers.get('message-id') };
    case 'NACK':
    case 'DISCONNECT':
      return { command };
    case 'BEGIN':
    case 'COMMIT':
    case 'ABORT':
      throw unsupported('transactions');
    default:
      throw new StompError('bad_frame', 'expected a command of STOMP');
  }
}

/** Of the id that a message is given. */
const UUID = '0'.repeat(36);

function readSend({ headers, body }: ReadFrame): StompCommand {
  const type = headers.get('type');
  const data = dataIn(body);
  if (messageBytes({ id: UUID, type: type ?? '', data: JSON.stringify(data) }) > MAX_MESSAGE_BYTES)
    throw new StompError('bad_frame', `body: expected at most ${MAX_MESSAGE_BYTES} bytes with its type`);
  return { command: 'SEND', destination: required(headers, 'destination'), type, body, data };
}

/** What is no JSON is a text; an empty body is null. */
function dataIn(body: string): unknown {
  if (body === '') return null;
  const data = parsed(body);
  const [fault] = faultsOfData(data);
  if (fault) throw new StompError('bad_frame', `body: ${fault.message}`);
  return data;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

function readSubscribe(headers: ReadonlyMap<string, string>, version: StompVersion): StompCommand {
  if (headers.has('selector')) throw unsupported('selectors');
  const destination = required(headers, 'destination');
  const id = version === '1.0' ? (headers.get('id') ?? destination) : required(headers, 'id');
  if (writtenBytes(destination, version) + writtenBytes(id, version) > MAX_NAMES_BYTES)
    throw new StompError(
      'bad_frame',
      `destination and id: expected at most ${MAX_NAMES_BYTES} bytes together`,
    );
  const asked = headers.get('ack') ?? 'auto';
  const ack = STOMP_ACKS.find((mode) => mode === asked);
  if (ack === undefined) throw new StompError('bad_frame', `ack: expected ${STOMP_ACKS.join(', ')}`);
  return { command: 'SUBSCRIBE', id, destination, ack };
}

function required(headers: ReadonlyMap<string, string>, name: string): string {
  const value = headers.get(name);
  if (!value) throw new StompError('bad_frame', `${name}: is missing`);
  return value;
}

const writtenBytes = (text: string, version: StompVersion): number => utf8Bytes(escapeHeader(text, version));

const unsupported = (what: string): StompError =>
  new StompError('unsupported', `Herald has no ${what}. Nothing was done.`);

const TOKEN_NAMES = ['authorization', 'x-gd-token', 'token', 'access_token', 'passcode'];
const DEVICE_NAMES = ['x-gd-uid', 'x-device-id', 'device-id', 'deviceid'];

function readConnect({ headers }: ReadFrame): ConnectHeaders {
  const lower = new Map([...headers].reverse().map(([name, value]) => [name.toLowerCase(), value]));
  const first = (names: string[]) =>
    names.map((name) => lower.get(name)?.trim()).find((value) => value !== undefined && value !== '');
  const deviceId = first(DEVICE_NAMES);
  if (deviceId !== undefined && !isToken(deviceId))
    throw new StompError('bad_frame', `device id: expected ${TOKEN_RULE}`);
  return {
    version: highestVersion(lower.get('accept-version')),
    token: first(TOKEN_NAMES)?.replace(/^bearer +/i, ''),
    deviceId,
    batchBytes: batchBytes(lower),
  };
}

function highestVersion(accepted = '1.0'): StompVersion {
  const names = accepted.split(',').map((name) => name.trim());
  const version = STOMP_VERSIONS.findLast((one) => names.includes(one));
  if (version) return version;
  throw new StompError('unsupported_version', `accept-version: expected ${STOMP_VERSIONS.join(', ')}`);
}

/** Larger texts are refused by the gateway. */
const MAX_BATCH_BYTES = 30_000;

/** Lists of versions as the clients write them that read several frames of one text. */
const READS_BATCHES = /^(?:1\.2,1\.1,1\.0|1\.0,1\.1,1\.2|1\.1,1\.0|1\.[0-2])$/;

/** Without `herald-batch` it is known by the version's list and by the lack of `host`. */
function batchBytes(headers: ReadonlyMap<string, string>): number {
  const asked = headers.get('herald-batch')?.trim();
  if (asked !== undefined) {
    if (!/^\d{1,6}$/.test(asked))
      throw new StompError('bad_frame', 'herald-batch: expected a number of bytes');
    return Math.min(Number(asked), MAX_BATCH_BYTES);
  }
  const versions = headers.get('accept-version')?.replaceAll(' ', '') ?? '1.0';
  return READS_BATCHES.test(versions) && !headers.has('host') ? MAX_BATCH_BYTES : 0;
}

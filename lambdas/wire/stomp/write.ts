/** Writes what STOMP clients are told. Whatever else Herald says has no frame there. */
import { BYES, type ByeCode } from '../../protocol/errors.ts';
import type { OutgoingFrame } from '../../protocol/frames.ts';
import {
  STOMP_VERSIONS,
  type StompErrorCode,
  type StompErrorFrame,
  type StompMessage,
  type StompVersion,
} from '../../protocol/stomp.ts';
import { encodeStomp } from './encode.ts';

/**
 * No heart-beats of ours; of the client one in 6 minutes. It looks every half of it, so that at
 * most 9 pass in silence: API Gateway closes after 10.
 */
const HEART_BEAT = '0,360000';

/** Undefined: there is no such frame. */
export function writeStomp(frame: OutgoingFrame, version: StompVersion): string | undefined {
  switch (frame.event) {
    case 'stomp.connected':
      return encodeStomp(
        'CONNECTED',
        {
          version,
          'heart-beat': HEART_BEAT,
          server: 'herald/1',
          session: frame.session,
          // Nothing is escaped here, so an id with one of these would end the line.
          'user-name': /[\0\r\n]/.test(frame.userId) ? undefined : frame.userId,
        },
        version,
      );
    case 'stomp.messages':
      return frame.messages.map((message) => writeMessage(message, version)).join('');
    case 'stomp.receipt':
      return encodeStomp('RECEIPT', { 'receipt-id': frame.receipt }, version);
    case 'stomp.error':
      return writeError(frame, version);
    case 'bye':
      return writeError({ code: codeOf(frame.code), message: BYES[frame.code].message }, version);
    default:
      return undefined;
  }
}

const codeOf = (code: ByeCode): StompErrorCode =>
  code === 'replaced' || code === 'not_reading' ? 'internal' : code;

function writeMessage(frame: StompMessage, version: StompVersion): string {
  const { seq, id, type, data, sentAt } = frame.message;
  return encodeStomp(
    'MESSAGE',
    {
      destination: frame.destination,
      subscription: frame.subscription,
      'message-id': frame.messageId,
      ack: frame.asksForAck ? frame.messageId : undefined,
      'content-type': 'application/json',
      'notification-id': id,
      type,
      seq,
      'sent-at': sentAt,
      replayed: frame.replayed ? 'true' : undefined,
      expired: frame.expired > 0 ? frame.expired : undefined,
    },
    version,
    data,
  );
}

const writeError = (
  { code, message, receipt }: Pick<StompErrorFrame, 'code' | 'message'> & Partial<StompErrorFrame>,
  version: StompVersion,
): string =>
  encodeStomp(
    'ERROR',
    {
      message: code,
      version: code === 'unsupported_version' ? STOMP_VERSIONS.join(',') : undefined,
      'content-type': 'text/plain',
      'receipt-id': receipt,
    },
    version,
    message,
  );

/**
 * Writes the frames of `herald.v1`: one JSON object each. The `data` of a message goes in as it was
 * stored.
 */
import type {
  HistoryFrame,
  InboxMessage,
  JsonText,
  OutgoingFrame,
  WireMessage,
} from '../../protocol/frames.ts';

/** The JSON text of a frame. */
export function encodeFrame(frame: OutgoingFrame): JsonText {
  switch (frame.event) {
    case 'message':
      return `{"event":"message","channel":${JSON.stringify(frame.channel)},${fieldsOf(frame)}}`;
    case 'replay': {
      const { channel, epoch, messages, after, through, expired, collapsed, withdrawn, more } = frame;
      return (
        `{"event":"replay","channel":${JSON.stringify(channel)},"epoch":${JSON.stringify(epoch)},` +
        `"messages":[${messages.map(encodeMessage).join(',')}],` +
        `"after":${after},"through":${through},"expired":${expired},` +
        `${collapsed === undefined ? '' : `"collapsed":${collapsed},`}` +
        `${withdrawn === undefined ? '' : `"withdrawn":[${withdrawn.join(',')}],`}"more":${more}}`
      );
    }
    case 'history':
      return encodeHistory(frame);
    default:
      return JSON.stringify(frame);
  }
}

/** Also what a request for the same is answered with: that has no `event`. */
export function encodeHistory({
  messages,
  more,
  unread,
  ...head
}: Omit<HistoryFrame<JsonText>, 'event'>): JsonText {
  const rest = JSON.stringify({ more, ...(unread !== undefined && { unread }) });
  const texts = messages.map(encodeInboxMessage).join(',');
  return `${JSON.stringify(head).slice(0, -1)},"messages":[${texts}],${rest.slice(1)}`;
}

/** A message as it stands in a `history` frame. */
export const encodeInboxMessage = ({ read, ...message }: InboxMessage<JsonText>): JsonText =>
  read === undefined ? `{${fieldsOf(message)}}` : `{${fieldsOf(message)},"read":${read}}`;

/**
 * We encode a message to measure it, and again to write it into a replay frame: this keeps the text
 * in between.
 */
const texts = new WeakMap<WireMessage, JsonText>();

/** A message as it stands in a replay frame and in the history. */
export function encodeMessage(message: WireMessage): JsonText {
  const known = texts.get(message);
  if (known !== undefined) return known;
  const text = `{${fieldsOf(message)}}`;
  texts.set(message, text);
  return text;
}

const fieldsOf = ({ seq, id, type, data, sentAt, origin, ack }: WireMessage): string =>
  `"seq":${seq},"id":${JSON.stringify(id)},"type":${JSON.stringify(type)},"data":${data},"sentAt":${sentAt}` +
  (origin === undefined ? '' : `,"origin":${JSON.stringify(origin)}`) +
  (ack === undefined ? '' : `,"ack":"${ack}"`);

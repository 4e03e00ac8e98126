/** Reads a row of the outbox: what a service put into the table as part of its own transaction. */
import { RequestError } from './errors.ts';
import { isMessageId, MESSAGE_ID_RULE } from './names.ts';
import { type Notification, parseNotification } from './notification.ts';

export interface OutboxEntry {
  /** Key of the row, and idempotency key of its message; any text. */
  id: string;
  /** The notification as JSON. Undefined: the row holds none that has such a form. */
  text: string | undefined;
}

/** Throws a {@link RequestError} that lists every fault. */
export function parseOutboxEntry({ id, text }: OutboxEntry): Notification {
  if (!isMessageId(id)) throw fault('id', `expected ${MESSAGE_ID_RULE}`);
  if (text === undefined) throw fault('notification', 'expected a map, or a JSON text');
  const notification = parseNotification(parse(text));
  if (notification.id !== undefined && notification.id !== id)
    throw fault('notification.id', 'differs from the id of the row, expected the same or none');
  return { ...notification, id, text };
}

/** What JSON cannot read it would quote in its complaint, and this may be somebody's message. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw fault('notification', 'is not valid JSON');
  }
}

const fault = (path: string, message: string) => new RequestError('invalid_request', [{ path, message }]);

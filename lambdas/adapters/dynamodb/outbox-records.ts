/** Reads the records of the outbox's stream: which rows are to be published. */
import type { AttributeValue, DynamoDBRecord } from 'aws-lambda';
import type { OutboxRow } from '../../domain/ports/outbox.ts';

/** Undefined: the row was taken away, or is marked as failed. */
export function outboxRowIn({ eventName, dynamodb }: DynamoDBRecord): OutboxRow | undefined {
  const { id, notification, failed } = dynamodb?.NewImage ?? {};
  if (eventName === 'REMOVE' || id?.S === undefined || failed !== undefined) return undefined;
  return { id: id.S, text: notification && textOf(notification), tries: 0 };
}

function textOf(notification: AttributeValue): string | undefined {
  if (notification.S !== undefined) return notification.S;
  return notification.M === undefined ? undefined : jsonOf(notification);
}

/**
 * The JSON text of a value, with every digit of its numbers. Undefined: it holds a set or bytes,
 * which have no form in JSON.
 */
function jsonOf(value: AttributeValue): string | undefined {
  if (value.S !== undefined) return JSON.stringify(value.S);
  if (value.N !== undefined) return value.N;
  if (value.BOOL !== undefined) return String(value.BOOL);
  if (value.NULL !== undefined) return 'null';
  if (value.L !== undefined) return listed('[', value.L.map(jsonOf), ']');
  if (value.M === undefined) return undefined;
  const members = Object.entries(value.M).map(([name, member]) => {
    const text = jsonOf(member);
    return text === undefined ? undefined : `${JSON.stringify(name)}:${text}`;
  });
  return listed('{', members, '}');
}

const listed = (open: string, parts: (string | undefined)[], close: string): string | undefined =>
  parts.includes(undefined) ? undefined : `${open}${parts.join()}${close}`;

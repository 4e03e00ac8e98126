/**
 * The registry of message types: what `data` must look like and how long a message of the type is
 * kept.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type FieldError, firstFew, RequestError } from '../../protocol/errors.ts';
import { isPublishedType, TYPE_RULE } from '../../protocol/names.ts';
import { isRetention, type Notification, RETENTION_RULE } from '../../protocol/notification.ts';
import type { Settings } from '../settings.ts';

export interface MessageType {
  /** Any Standard Schema: zod, valibot, arktype and others. Its output is what is stored. */
  data?: StandardSchemaV1;
  /** Default: the stack's. */
  retentionSeconds?: number;
}

export type MessageTypes = Readonly<Record<string, MessageType>>;

/** Throws as the Lambda starts when a name or a retention cannot be. */
export function defineMessageTypes<const Types extends MessageTypes>(types: Types): Types {
  for (const [name, { retentionSeconds }] of Object.entries(types)) {
    if (!isPublishedType(name)) throw new Error(`message type "${name}": expected ${TYPE_RULE}`);
    if (retentionSeconds !== undefined && !isRetention(retentionSeconds)) {
      throw new Error(`message type "${name}": retentionSeconds: expected ${RETENTION_RULE}`);
    }
  }
  return types;
}

export interface TypedContent {
  /** The validator's output, or what the publisher sent where the type has none. */
  data: unknown;
  retentionSeconds: number;
}

/** Throws a {@link RequestError} when the registry does not allow the notification. */
export async function applyType(
  { type, data, retentionSeconds }: Notification,
  types: MessageTypes,
  { closedTypes, defaultRetentionSeconds }: Settings,
): Promise<TypedContent> {
  // A type may be called `constructor`: look only at what the registry itself holds.
  const known = Object.hasOwn(types, type) ? types[type] : undefined;
  if (known === undefined && closedTypes) {
    throw new RequestError('invalid_request', [{ path: 'type', message: `"${type}" is not a known type` }]);
  }
  return {
    data: known?.data === undefined ? data : await validate(known.data, data),
    retentionSeconds: retentionSeconds ?? known?.retentionSeconds ?? defaultRetentionSeconds,
  };
}

async function validate(schema: StandardSchemaV1, data: unknown): Promise<unknown> {
  const result = await schema['~standard'].validate(data);
  if (result.issues === undefined) return result.value;
  throw new RequestError('invalid_request', firstFew('data', result.issues.map(fieldError)));
}

const fieldError = ({ message, path = [] }: StandardSchemaV1.Issue): FieldError => ({
  path: path.reduce<string>((parent, segment) => {
    const key = typeof segment === 'object' ? segment.key : segment;
    return typeof key === 'number' ? `${parent}[${key}]` : `${parent}.${String(key)}`;
  }, 'data'),
  message,
});

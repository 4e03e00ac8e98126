/**
 * Reads what a publisher sends. All that is wrong with it is told at once, each fault with its
 * path.
 */
import { type FieldError, firstFew, RequestError, unknownNames } from './errors.ts';
import { isRecord } from './json.ts';
import { MAX_DATA_LEVELS, MAX_RECIPIENTS, MAX_RETENTION_SECONDS, MIN_RETENTION_SECONDS } from './limits.ts';
import { isMessageId, isToken, isUserId, MESSAGE_ID_RULE, TOKEN_RULE, USER_ID_RULE } from './names.ts';

export interface Notification {
  /** Each once, in the order given. */
  users: string[];
  type: string;
  /** Any JSON value; `null` when the publisher gave none. */
  data: unknown;
  /** Idempotency key. Undefined: the door it came through has one, or one is made up. */
  id: string | undefined;
  /** The origin device: it caused the message and is not told. */
  excludeDeviceId: string | undefined;
  /** Undefined: the default of its type. */
  retentionSeconds: number | undefined;
  /**
   * The JSON text it was read from, where its door still has it: it tells more numbers apart than
   * `data` does.
   */
  text?: string | undefined;
}

/** The request headers that do the same as a field of the body. */
export interface NotificationHeaders {
  'idempotency-key'?: string | undefined;
  'x-device-id'?: string | undefined;
}

const FIELDS = ['to', 'type', 'data', 'id', 'excludeDeviceId', 'retentionSeconds'];
const RECIPIENTS = ['user', 'users'];

/** Throws a {@link RequestError} that lists every fault. */
export function parseNotification(body: unknown, headers: NotificationHeaders = {}): Notification {
  if (!isRecord(body))
    throw new RequestError('invalid_request', [{ path: '', message: 'expected a JSON object' }]);

  const errors: FieldError[] = [];
  const fault = (path: string, message: string) => errors.push({ path, message });
  const check = (name: string, value: unknown, holds: (value: unknown) => boolean, rule: string) => {
    if (value !== undefined && !holds(value)) fault(name, `expected ${rule}`);
  };
  /** A field of the body, or the header that does the same; both only if they agree. */
  const either = (name: string, header: keyof NotificationHeaders) => {
    if (body[name] !== undefined && headers[header] !== undefined && body[name] !== headers[header]) {
      fault(name, `differs from the header ${header}`);
    }
    return body[name] === undefined ? headers[header] : body[name];
  };

  errors.push(...firstFew('', unknownNames('field', Object.keys(body), FIELDS)));
  const users = recipients(body.to, errors);
  if (body.type === undefined) fault('type', 'is missing');
  check('type', body.type, isToken, TOKEN_RULE);
  errors.push(...faultsOfData(body.data));
  const id = either('id', 'idempotency-key');
  check('id', id, isMessageId, MESSAGE_ID_RULE);
  const excludeDeviceId = either('excludeDeviceId', 'x-device-id');
  check('excludeDeviceId', excludeDeviceId, isToken, TOKEN_RULE);
  check('retentionSeconds', body.retentionSeconds, isRetention, RETENTION_RULE);

  if (errors.length > 0) throw new RequestError('invalid_request', errors);
  return {
    users: [...new Set(users)],
    type: body.type as string,
    data: body.data ?? null,
    id: id as string | undefined,
    excludeDeviceId: excludeDeviceId as string | undefined,
    retentionSeconds: body.retentionSeconds as number | undefined,
  };
}

export const RETENTION_RULE = `an integer from ${MIN_RETENTION_SECONDS} to ${MAX_RETENTION_SECONDS}`;
export const isRetention = (value: unknown): value is number =>
  Number.isInteger(value) &&
  (value as number) >= MIN_RETENTION_SECONDS &&
  (value as number) <= MAX_RETENTION_SECONDS;

function recipients(to: unknown, errors: FieldError[]): string[] {
  const fault = (path: string, message: string) => errors.push({ path, message });
  if (!isRecord(to)) {
    fault('to', 'expected {"user": …} or {"users": […]}');
    return [];
  }
  errors.push(...firstFew('to', unknownNames('field', Object.keys(to), RECIPIENTS, 'to.')));
  if ((to.user === undefined) === (to.users === undefined)) {
    fault('to', 'expected either user or users');
    return [];
  }
  if (to.users === undefined) {
    if (!isUserId(to.user)) fault('to.user', `expected ${USER_ID_RULE}`);
    return [to.user as string];
  }
  if (!Array.isArray(to.users) || to.users.length === 0 || to.users.length > MAX_RECIPIENTS) {
    fault('to.users', `expected a list of 1 to ${MAX_RECIPIENTS} user ids`);
    return [];
  }
  const wrong = to.users.flatMap((user, index) =>
    isUserId(user) ? [] : [{ path: `to.users[${index}]`, message: `expected ${USER_ID_RULE}` }],
  );
  errors.push(...firstFew('to.users', wrong));
  return to.users as string[];
}

/** What is too deep is not looked at further: looking recurses, too. */
function faultsOfData(data: unknown): FieldError[] {
  if (isDeeper(data, MAX_DATA_LEVELS)) {
    return [{ path: 'data', message: `expected at most ${MAX_DATA_LEVELS} levels of nesting` }];
  }
  const path = pathToInfinite(data);
  return path === undefined
    ? []
    : [{ path: `data${path}`, message: 'expected a number that a double can hold' }];
}

/**
 * The way, from `value` on, to a number that no double can hold: `1e400` is read as infinite, and
 * would be written as null.
 */
function pathToInfinite(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : '';
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const rest = pathToInfinite(inner);
    if (rest !== undefined) return `${Array.isArray(value) ? `[${name}]` : `.${name}`}${rest}`;
  }
  return undefined;
}

const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)));

/**
 * Reads what a publisher sends. All that is wrong with it is told at once, each fault with its
 * path.
 */
import { type Channel, EVERYONE, isTopic, TOPIC_RULE, topicChannel, userChannel } from './channel.ts';
import { faultsOfData } from './data.ts';
import { type FieldError, firstFew, RequestError, unknownNames } from './errors.ts';
import { type Escalate, escalateOf, faultsOfEscalate } from './escalate.ts';
import { isRecord } from './json.ts';
import { MAX_RECIPIENTS, MAX_RETENTION_SECONDS, MIN_RETENTION_SECONDS } from './limits.ts';
import {
  isMessageId,
  isPublishedType,
  isTab,
  isToken,
  isUserId,
  MESSAGE_ID_RULE,
  TOKEN_RULE,
  TYPE_RULE,
  USER_ID_RULE,
} from './names.ts';

export interface Notification {
  /** Users' own channels, each once, in the order given; or one other channel. */
  channels: Channel[];
  type: string;
  /** Any JSON value; `null` when the publisher gave none. */
  data: unknown;
  /** Idempotency key. Undefined: the door it came through has one, or one is made up. */
  id: string | undefined;
  /** Who caused the message and is not told. */
  origin: MessageOrigin;
  /** A replay brings only the newest message of a key. */
  collapseKey: string | undefined;
  /** Undefined: the default of its type. */
  retentionSeconds: number | undefined;
  /** Whether the log is to tell its whole way. */
  trace: boolean;
  /** Only to users. Undefined: nobody waits for an answer. */
  escalate?: Escalate | undefined;
  /**
   * The JSON text it was read from, where its door still has it: it tells more numbers apart than
   * `data` does.
   */
  text?: string | undefined;
}

/**
 * Device ids are a user's own. In users' own channels the user is theirs, and `userId` undefined.
 */
export interface MessageOrigin {
  userId: string | undefined;
  /** Undefined with a `userId`: all devices of the user. */
  deviceId: string | undefined;
  /** One tab of the device: then the device is told as any other, and which tab it was. */
  tab: string | undefined;
}

export const NO_ORIGIN: MessageOrigin = { userId: undefined, deviceId: undefined, tab: undefined };

/** The request headers that do the same as a field of the body. */
export interface NotificationHeaders {
  'idempotency-key'?: string | undefined;
  'x-user-id'?: string | undefined;
  'x-device-id'?: string | undefined;
}

/** What a client may name, too: its own device is the origin. */
const CLIENT_FIELDS = ['to', 'type', 'data', 'id', 'collapseKey', 'retentionSeconds', 'trace', 'escalate'];
const FIELDS = [...CLIENT_FIELDS, 'excludeUserId', 'excludeDeviceId'];
const RECIPIENTS = ['user', 'users', 'topic', 'everyone'];

/** What a client publishes: the sender's own device is the origin, or a `tab` of it. */
export type ClientNotification = Omit<Notification, 'origin'>;

/**
 * The fields of a client's `publish` frame besides `action`, `ref` and `tab`. Throws a
 * {@link RequestError} that lists every fault.
 */
export function parseClientNotification(fields: Record<string, unknown>): ClientNotification {
  const { origin, ...notification } = parse(fields, {}, CLIENT_FIELDS);
  return notification;
}

/** Throws a {@link RequestError} that lists every fault. */
export const parseNotification = (body: unknown, headers: NotificationHeaders = {}): Notification =>
  parse(body, headers, FIELDS);

function parse(body: unknown, headers: NotificationHeaders, fields: readonly string[]): Notification {
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

  errors.push(...firstFew('', unknownNames('field', Object.keys(body), fields)));
  const channels = recipients(body.to, errors);
  if (body.type === undefined) fault('type', 'is missing');
  check('type', body.type, isPublishedType, TYPE_RULE);
  errors.push(...faultsOfData(body.data));
  const id = either('id', 'idempotency-key');
  check('id', id, isMessageId, MESSAGE_ID_RULE);
  const userId = either('excludeUserId', 'x-user-id');
  check('excludeUserId', userId, isUserId, USER_ID_RULE);
  const device = either('excludeDeviceId', 'x-device-id');
  check('excludeDeviceId', device, isDeviceOrTab, `${TOKEN_RULE}; or that, / and the name of a tab`);
  errors.push(...faultsOfOrigin(channels[0], userId, device));
  check('collapseKey', body.collapseKey, isToken, TOKEN_RULE);
  check('retentionSeconds', body.retentionSeconds, isRetention, RETENTION_RULE);
  check('trace', body.trace, (trace) => typeof trace === 'boolean', 'true or false');
  errors.push(...(isToUsers(channels) ? faultsOfEscalate(body.escalate) : faultsElsewhere(body.escalate)));

  if (errors.length > 0) throw new RequestError('invalid_request', errors);
  return {
    channels,
    type: body.type as string,
    data: body.data ?? null,
    id: id as string | undefined,
    origin: originOf(userId as string | undefined, device as string | undefined),
    collapseKey: body.collapseKey as string | undefined,
    retentionSeconds: body.retentionSeconds as number | undefined,
    trace: body.trace === true,
    escalate: escalateOf(body.escalate),
  };
}

/** Also where no channel is named rightly. */
const isToUsers = (channels: Channel[]): boolean => channels.every(({ kind }) => kind === 'user');

const faultsElsewhere = (escalate: unknown): FieldError[] =>
  escalate === undefined
    ? []
    : [{ path: 'escalate', message: 'expected none: only a message to a user or users is escalated' }];

export const RETENTION_RULE = `an integer from ${MIN_RETENTION_SECONDS} to ${MAX_RETENTION_SECONDS}`;
export const isRetention = (value: unknown): value is number =>
  Number.isInteger(value) &&
  (value as number) >= MIN_RETENTION_SECONDS &&
  (value as number) <= MAX_RETENTION_SECONDS;

function recipients(to: unknown, errors: FieldError[]): Channel[] {
  const fault = (path: string, message: string) => errors.push({ path, message });
  if (!isRecord(to)) {
    fault('to', 'expected {"user": …}, {"users": […]}, {"topic": …} or {"everyone": true}');
    return [];
  }
  errors.push(...firstFew('to', unknownNames('field', Object.keys(to), RECIPIENTS, 'to.')));
  const named = RECIPIENTS.filter((name) => to[name] !== undefined);
  if (named.length !== 1) {
    fault('to', `expected one of ${RECIPIENTS.join(', ')}`);
    return [];
  }
  if (to.users !== undefined) return usersOf(to.users, errors);
  if (to.user !== undefined) {
    if (isUserId(to.user)) return [userChannel(to.user)];
    fault('to.user', `expected ${USER_ID_RULE}`);
  } else if (to.topic !== undefined) {
    if (isTopic(to.topic)) return [topicChannel(to.topic)];
    fault('to.topic', `expected ${TOPIC_RULE}`);
  } else {
    if (to.everyone === true) return [EVERYONE];
    fault('to.everyone', 'expected true');
  }
  return [];
}

function usersOf(users: unknown, errors: FieldError[]): Channel[] {
  if (!Array.isArray(users) || users.length === 0 || users.length > MAX_RECIPIENTS) {
    errors.push({ path: 'to.users', message: `expected a list of 1 to ${MAX_RECIPIENTS} user ids` });
    return [];
  }
  const wrong = users.flatMap((user, index) =>
    isUserId(user) ? [] : [{ path: `to.users[${index}]`, message: `expected ${USER_ID_RULE}` }],
  );
  errors.push(...firstFew('to.users', wrong));
  return [...new Set(users.filter(isUserId))].map(userChannel);
}

/** `laptop`, or `laptop/7f3a` for one tab of it. */
function isDeviceOrTab(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  const [deviceId, tab, ...more] = value.split('/');
  return isToken(deviceId) && (tab === undefined || isTab(tab)) && more.length === 0;
}

/** The origin is named with its user where the channel does not name the user. */
function faultsOfOrigin(channel: Channel | undefined, userId: unknown, device: unknown): FieldError[] {
  if (channel === undefined) return [];
  if (channel.kind === 'user') {
    const message = 'expected none: a message to a user is caused by a device of that user';
    return userId === undefined ? [] : [{ path: 'excludeUserId', message }];
  }
  const message = 'is missing: device ids are a user’s own, so excludeDeviceId needs its user';
  return device !== undefined && userId === undefined ? [{ path: 'excludeUserId', message }] : [];
}

function originOf(userId: string | undefined, device: string | undefined): MessageOrigin {
  const [deviceId, tab] = device?.split('/') ?? [];
  return { userId, deviceId, tab };
}

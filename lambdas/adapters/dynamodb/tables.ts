/**
 * Every key and every attribute of the tables.
 *
 * | table         | partition   | sort           | what is asked of it                       |
 * |---------------|-------------|----------------|-------------------------------------------|
 * | Connections   | userId      | connectionId   | one; a user's; its stream: reconcile them |
 * | Devices       | userId      | deviceId       | one; a user's, by page; their summary;    |
 * |               |             |                | what the user has read                    |
 * | Messages      | channel     | seq (number)   | the head (seq 0); a range; some seqs      |
 * | Publishes     | channel     | idempotencyKey | one: a key that the head has no room for  |
 * | Subscriptions | channel     | subscriber     | one; a range; its stream: reconcile them  |
 * | Members       | userId      | topic          | one; a user's; by its index: a topic's    |
 * | Cursors       | userId      | channelDevice  | one; several at once; a user's; of a      |
 * |               |             |                | channel their summary                     |
 * | Outbox        | id          | none           | its stream: publish what services put in  |
 * | Presence      | userId      | none           | one                                       |
 *
 * Every row but the head and those of the outbox carries `expiresAt` in epoch seconds, the unit of
 * DynamoDB's TTL; the domain counts in milliseconds.
 */
import type { Position } from '../../domain/model.ts';
import type { ByeCode } from '../../protocol/errors.ts';
import type { Escalate } from '../../protocol/escalate.ts';
import type { AckMode, DialectName, JsonText } from '../../protocol/frames.ts';

export interface TableNames {
  connections: string;
  devices: string;
  messages: string;
  publishes: string;
  subscriptions: string;
  members: string;
  cursors: string;
  outbox: string;
  presence: string;
}

export interface KeyAttribute {
  name: string;
  type: 'S' | 'N';
}

interface TableShape {
  partition: KeyAttribute;
  /** Undefined: a partition is one row. */
  sort?: KeyAttribute;
  /** Its rows are others', and lapse never. @default false */
  lasts?: boolean;
  /** Its stream, if it has one, shows each row as it was and as it is. */
  stream: boolean;
  /** A second order of its rows, for listing: it may lag behind. */
  index?: TableIndex;
}

export interface TableIndex {
  name: string;
  partition: KeyAttribute;
  sort: KeyAttribute;
}

const text = (name: string): KeyAttribute => ({ name, type: 'S' });
const number = (name: string): KeyAttribute => ({ name, type: 'N' });

export const MEMBERS_BY_TOPIC: TableIndex = {
  name: 'byTopic',
  partition: text('topic'),
  sort: text('userId'),
};

export const TABLES: Record<keyof TableNames, TableShape> = {
  connections: { partition: text('userId'), sort: text('connectionId'), stream: true },
  devices: { partition: text('userId'), sort: text('deviceId'), stream: false },
  messages: { partition: text('channel'), sort: number('seq'), stream: false },
  publishes: { partition: text('channel'), sort: text('idempotencyKey'), stream: false },
  subscriptions: { partition: text('channel'), sort: text('subscriber'), stream: true },
  members: {
    partition: text('userId'),
    sort: text('topic'),
    stream: false,
    index: MEMBERS_BY_TOPIC,
  },
  cursors: { partition: text('userId'), sort: text('channelDevice'), stream: false },
  outbox: { partition: text('id'), stream: true, lasts: true },
  presence: { partition: text('userId'), stream: false },
};

export const TTL_ATTRIBUTE = 'expiresAt';

/** `?` marks an attribute that is absent while the domain's value is undefined. */
export interface ConnectionRow extends ServingRow {
  userId: string;
  connectionId: string;
  deviceId?: string;
  /** Absent on rows of before there were several. */
  dialect?: DialectName;
  ackMode: AckMode;
  handover: boolean;
  connectedAt: number;
  tokenExpiresAt: number;
  endpoint: string;
  /** The channels it hears besides its own, so that whoever removes the row knows their rows. */
  channels?: ReadonlySet<string>;
  bye?: ByeCode;
  /** Who brings it to `ready`, or has; under the lease of its replays. */
  startedBy?: string;
  /** Where the replay of the start begins. */
  startedAfter?: number;
  expiresAt: number;
}

/**
 * How far one subscription is served. Of a user's own channel it stands on the connection's row.
 */
export interface ServingRow {
  readyAt?: number;
  /** Its `sync` reaches back no further. */
  startsAt?: Position;
  /** When it refused the first frame; until it is resumed. */
  pausedAt?: number;
  /** Of an anonymous device that is paused: where its replay is to start. */
  pausedAfter?: number;
  /** Whoever paused it. */
  pausedBy?: string;
  /** A new value asks the stream to reconcile this connection. */
  replayRequestId?: string;
  /** Where the asked replay starts, if not at the device's cursor. */
  replayAfter?: number;
  /** The lease of the replay under way: whose, and until when. */
  replayHolder?: string;
  replayUntil?: number;
  /** The smallest start that other replays asked for meanwhile. */
  replayWanted?: number;
}

/** A connection hears a channel: what a publisher must know of the connection, once more. */
export interface SubscriptionRow extends ServingRow {
  channel: string;
  /** 8 hexadecimal digits of a hash of the connection's id, `#`, and the id. */
  subscriber: string;
  userId: string;
  connectionId: string;
  deviceId?: string;
  dialect: DialectName;
  ackMode: AckMode;
  connectedAt: number;
  tokenExpiresAt: number;
  endpoint: string;
  /** The client may hear the channel even if its user is no member. */
  permitted: boolean;
  expiresAt: number;
}

export interface MemberRow {
  userId: string;
  topic: string;
  joinedAt: number;
  joinedSeq: number;
  epoch: string;
}

/**
 * Beside these one attribute per channel, named by {@link cursorAttribute}, so that one update
 * moves one cursor, and one named by {@link begunAttribute}. The cursors of channels that are not
 * the user's own stand in Cursors, a row each: one row of them all would be written as a whole by
 * every ack. There the id of the device follows the name of the channel, so that one query finds
 * all cursors of a user.
 */
export interface DeviceRow {
  userId: string;
  deviceId: string;
  lastSeenAt: number;
  expiresAt: number;
}

/** The summary of a user's devices is a row among theirs, under an id that no device can have. */
export const SUMMARY_ID = '#all';

/**
 * Beside these the cursor of the most advanced device, one attribute per channel as on
 * {@link DeviceRow}.
 */
export interface SummaryRow {
  userId: string;
  deviceId: typeof SUMMARY_ID;
  /** At least as many as there are: rows that expire are not taken off. */
  deviceCount?: number;
  expiresAt: number;
}

/** In Cursors each channel has a summary of its own. */
export const summaryIdOf = (channel: string): string => `${channel}#${SUMMARY_ID}`;

/** What a user has read is a row among the user's devices as well. It never expires. */
export const READ_STATE_ID = '#read';

export interface ReadStateRow {
  userId: string;
  deviceId: typeof READ_STATE_ID;
  version: number;
  epoch: string;
  through: number;
  /** A JSON list of seqs. */
  seqs: JsonText;
}

/** Before every device, and after the rows that are among them. */
export const BEFORE_DEVICES = '#~';

const CURSOR_PREFIX = 'cursor#';

export const cursorAttribute = (channel: string): string => `${CURSOR_PREFIX}${channel}`;

/** The channel whose cursor an attribute holds, or undefined for any other attribute. */
export const cursorChannel = (attribute: string): string | undefined =>
  attribute.startsWith(CURSOR_PREFIX) ? attribute.slice(CURSOR_PREFIX.length) : undefined;

const BEGUN_PREFIX = 'begun#';

/** Where the cursor of a channel began. */
export const begunAttribute = (channel: string): string => `${BEGUN_PREFIX}${channel}`;

/** Like {@link cursorChannel}. */
export const begunChannel = (attribute: string): string | undefined =>
  attribute.startsWith(BEGUN_PREFIX) ? attribute.slice(BEGUN_PREFIX.length) : undefined;

/** The head of a channel stands among its messages, below the first, so that one key finds it. */
export const HEAD_SEQ = 0;

export interface HeadRow {
  channel: string;
  seq: number;
  epoch: string;
  head: number;
  updatedAt: number;
  /** The newest idempotency keys: `recent-keys.ts`. */
  recentKeys?: string;
  /** In epoch seconds, until when keys in Publishes may hold. */
  spilledUntil?: number;
}

export interface MessageRow {
  channel: string;
  seq: number;
  id: string;
  type: string;
  data: JsonText;
  originUserId?: string;
  originDeviceId?: string;
  originTab?: string;
  collapseKey?: string;
  escalate?: Escalate;
  /** Until then somebody is telling the application that it is unanswered. */
  unansweredUntil?: number;
  /** The application was told. */
  unansweredTold?: true;
  /** It has lost its content: the seq of its withdrawal. */
  withdrawnBy?: number;
  sentAt: number;
  expiresAt: number;
}

/** A key for which the head row had no room. */
export interface PublishRow {
  channel: string;
  /** A hash of it. */
  idempotencyKey: string;
  /** Of the numbering that `seq` belongs to. */
  epoch: string;
  seq: number;
  payloadHash: string;
  expiresAt: number;
}

/** That the application was told that a user is online. */
export interface PresenceRow {
  userId: string;
  version: string;
  closedAt?: number;
  expiresAt: number;
}

/** As a service puts it, and as we leave it. */
export interface OutboxTableRow {
  id: string;
  /** A map, or a JSON text. */
  notification: object | JsonText;
  /** Why it could not be published. */
  failed?: string;
}

export const toSeconds = (milliseconds: number): number => Math.ceil(milliseconds / 1000);
export const toMilliseconds = (seconds: number): number => seconds * 1000;

/** The row without its undefined attributes, which DynamoDB knows no type for. */
export const defined = (row: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined));

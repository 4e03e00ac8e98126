/**
 * What each thing that happens costs in units that AWS bills: the one table the bill is multiplied from. A test counts the real
 * calls on the local stack and compares them with it.
 */
import type { LambdaName } from '../../lambdas/manifest.ts';

/** DynamoDB calls by operation, runs of Lambdas by name. */
export interface Units {
  invocations: Partial<Record<LambdaName, number>>;
  /** Frames to or from the client, of at most 32 KB. */
  frames: number;
  calls: Partial<Record<DynamoDbCall, number>>;
  readUnits: number;
  writeUnits: number;
}

export type DynamoDbCall =
  | 'GetItem'
  | 'BatchGetItem'
  | 'PutItem'
  | 'UpdateItem'
  | 'DeleteItem'
  | 'Query'
  | 'TransactGetItems'
  | 'TransactWriteItems';

/** Of a user with few devices, all known; every row but a message's is below 1 KB. */
export const UNITS = {
  /**
   * A known device connects, hears `ready`, and has missed nothing: two calls to open the connection,
   * and six to start it, of which three write. To hear `everyone` takes three calls more: its row, that
   * it is ready, and its head after that.
   */
  connect: {
    invocations: { authorizer: 1, connect: 1, reconcile: 1 },
    frames: 2,
    calls: { PutItem: 2, Query: 2, GetItem: 2, BatchGetItem: 2, UpdateItem: 3 },
    readUnits: 10,
    writeUnits: 5,
  },
  /**
   * Besides, where its client sends `sync` as its socket opens: the frame and the run that starts it,
   * and a read by which the stream finds nothing left to do.
   */
  syncOnOpen: {
    invocations: { message: 1 },
    frames: 1,
    calls: { GetItem: 1 },
    readUnits: 1,
    writeUnits: 0,
  },
  /**
   * Besides, for a device that has missed messages: the query, the end of the replay, and where the
   * user's most advanced device stands. What the query reads and what is sent depends on their size.
   */
  catchUp: {
    invocations: {},
    frames: 0,
    calls: { Query: 1, GetItem: 1, UpdateItem: 3 },
    readUnits: 1,
    writeUnits: 3,
  },
  /** A message of less than 1 KB, with an id, to a user who is not connected. */
  publish: {
    invocations: { notify: 1 },
    frames: 0,
    calls: { GetItem: 1, TransactWriteItems: 1, Query: 1 },
    readUnits: 2,
    writeUnits: 4,
  },
  /**
   * To each connection in ack mode `auto`, besides. The device that moves first also writes where the
   * user's most advanced device stands; each of the user's other devices writes once, not twice.
   */
  deliver: {
    invocations: {},
    frames: 1,
    calls: { GetItem: 1, UpdateItem: 2 },
    readUnits: 1,
    writeUnits: 2,
  },
  /** To each connection in ack mode `client`, besides; its `ack` follows. */
  deliverUnsettled: { invocations: {}, frames: 1, calls: {}, readUnits: 0, writeUnits: 0 },
  /** The same holds for its writes. */
  ack: {
    invocations: { message: 1 },
    frames: 1,
    calls: { GetItem: 3, BatchGetItem: 1, UpdateItem: 2 },
    readUnits: 4,
    writeUnits: 2,
  },
  /** The `ping` and its `pong`, which tells the head of the user's own channel and of `everyone`. */
  ping: {
    invocations: { message: 1 },
    frames: 2,
    calls: { GetItem: 1, BatchGetItem: 1 },
    readUnits: 3,
    writeUnits: 0,
  },
  /** The row of the connection, and that of its subscription of `everyone`. */
  disconnect: {
    invocations: { disconnect: 1 },
    frames: 0,
    calls: { DeleteItem: 2 },
    readUnits: 0,
    writeUnits: 2,
  },
} as const satisfies Record<string, Units>;

/** A publish when the same instance of the Lambda published to this user just before, and nobody since. No bill counts on it. */
export const PUBLISH_AGAIN: Units = {
  ...UNITS.publish,
  calls: { TransactWriteItems: 1, Query: 1 },
  readUnits: 1,
};

/** A message that nobody answers, when its time is over, besides its publish. No bill counts on it, like the next. */
export const UNANSWERED: Units = {
  invocations: { later: 1 },
  frames: 0,
  calls: { GetItem: 1, Query: 2, UpdateItem: 2 },
  readUnits: 3,
  writeUnits: 2,
};

/** A publish by a row of the outbox: the row is taken away after it. The transaction that put it is its service's. */
export const OUTBOX_ROW: Units = {
  ...UNITS.publish,
  invocations: { outbox: 1 },
  calls: { ...UNITS.publish.calls, DeleteItem: 1 },
  writeUnits: UNITS.publish.writeUnits + 1,
};

/**
 * A page of a user's inbox, asked for by a frame: the connection, the head, what is read, and one
 * query of the log. What the query reads depends on the size of the messages. No bill counts on the
 * inbox: how often people look is theirs.
 */
export const HISTORY: Units = {
  invocations: { message: 1 },
  frames: 2,
  calls: { GetItem: 3, Query: 1 },
  readUnits: 3,
  writeUnits: 0,
};

/** Besides, for a page or a mark that leaves unread messages beyond the page. Its rows depend on their size. */
export const UNREAD_COUNT: Units = {
  invocations: {},
  frames: 0,
  calls: { Query: 1 },
  readUnits: 0,
  writeUnits: 0,
};

/** A mark by which all is read, and the frame that tells it to the user's one connection. */
export const MARK: Units = {
  invocations: { message: 1 },
  frames: 2,
  calls: { GetItem: 3, PutItem: 1, Query: 1 },
  readUnits: 4,
  writeUnits: 1,
};

/** A user's first mark: a transaction writes what is read only while the channel is there. */
export const FIRST_MARK: Units = {
  ...MARK,
  calls: { GetItem: 3, TransactWriteItems: 1, Query: 1 },
  writeUnits: 4,
};

/** The withdrawal of a message of less than 1 KB, from a user who is not connected. */
export const WITHDRAWAL: Units = {
  invocations: { users: 1 },
  frames: 0,
  calls: { GetItem: 2, TransactGetItems: 1, TransactWriteItems: 1, Query: 1 },
  readUnits: 5,
  writeUnits: 6,
};

/** A message's row beside its data: keys, id, type, times, and the names of the attributes. */
export const ROW_OVERHEAD_BYTES = 142;

/** A message in a frame beside its data. */
export const FRAME_OVERHEAD_BYTES = 108;

const WRITE_UNIT_BYTES = 1024;
const READ_UNIT_BYTES = 4096;
const FRAME_BYTES = 32 * 1024;

export const rowBytes = (dataBytes: number): number => dataBytes + ROW_OVERHEAD_BYTES;

/** A transaction writes each KB twice. What {@link UNITS} counts for a message holds up to 1 KB. */
export const extraPublishWriteUnits = (dataBytes: number): number =>
  2 * (Math.ceil(rowBytes(dataBytes) / WRITE_UNIT_BYTES) - 1);

/** Of one query over the messages a device has missed. */
export const catchUpReadUnits = (messages: number, dataBytes: number): number =>
  Math.ceil((messages * rowBytes(dataBytes)) / READ_UNIT_BYTES);

/** Beyond the one replay frame that every connection hears. */
export const extraReplayFrames = (messages: number, dataBytes: number): number =>
  Math.max(1, Math.ceil((messages * (dataBytes + FRAME_OVERHEAD_BYTES)) / FRAME_BYTES)) - 1;

/** Of a subscription in its table: what it keeps of its connection, and the names of the attributes. */
export const SUBSCRIPTION_ROW_BYTES = 340;

/** To look up so many subscribers, page by page. */
export const subscriberReadUnits = (subscribers: number): number =>
  Math.ceil((subscribers * SUBSCRIPTION_ROW_BYTES) / READ_UNIT_BYTES);

/** The numbers of the wire contract. Sizes are UTF-8 bytes. */

/**
 * The largest frame either side sends: API Gateway carries at most 32 KB in one WebSocket frame and
 * bills per 32 KB.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 */
export const MAX_FRAME_BYTES = 32 * 1024;

/**
 * The largest message: its id, type and data as JSON texts, together. What a frame adds around them
 * (channel, epoch, numbers) takes less than the 1,024 bytes that are left, in every kind of frame.
 */
export const MAX_MESSAGE_BYTES = 31 * 1024;

/** Bytes that count towards {@link MAX_MESSAGE_BYTES}. */
export const messageBytes = ({ id, type, data }: { id: string; type: string; data: string }): number =>
  utf8Bytes(JSON.stringify(id) + JSON.stringify(type) + data);

/** Replay frames a device may have unacknowledged before the server waits for it. */
export const REPLAY_WINDOW_FRAMES = 16;

export const MAX_RECIPIENTS = 100;
export const MAX_USER_ID_BYTES = 256;
export const MAX_MESSAGE_ID_BYTES = 128;
export const MAX_REF_BYTES = 128;
export const MAX_HISTORY_LIMIT = 1000;
/** Messages that a client may ask for at once, and how many it gets if it does not say. */
export const MAX_INBOX_LIMIT = 100;
export const DEFAULT_INBOX_LIMIT = 20;
/** Seqs that one mark may name. */
export const MAX_MARKS = 100;
/** Single seqs that a user's read state may hold. */
export const MAX_READ_SINGLES = 1000;
/** Unread messages are counted so far. */
export const MAX_UNREAD = 1000;
/** Channels that one `ack` frame may name. */
export const MAX_ACKS = 200;
/** The claim of a token that holds its permissions, unless the operator names another. */
export const DEFAULT_PERMISSIONS_CLAIM = 'herald';
/**
 * The most that an operator may let a connection subscribe to: with the longest names, all of them
 * still fit into one `ready` or `pong`.
 */
export const MAX_SUBSCRIPTIONS = 100;
/** Of a token's claim, as JSON. */
export const MAX_PERMISSIONS_BYTES = 4096;
/** Topics that a user may be a member of. */
export const MAX_TOPICS_OF_USER = 100;
/** Users that one request may add to a topic and remove from it, together. */
export const MAX_MEMBERS_AT_ONCE = 100;
/**
 * Lists and objects within each other. Encoders recurse: some thousand levels, which fit into a
 * frame, exhaust the stack.
 */
export const MAX_DATA_LEVELS = 500;

export const MIN_RETENTION_SECONDS = 60;
export const MAX_RETENTION_SECONDS = 365 * 24 * 3600;
export const DEFAULT_RETENTION_SECONDS = 7 * 24 * 3600;

/** How long a message may wait for an answer before the application is told that it has none. */
export const MIN_ESCALATE_SECONDS = 60;
export const MAX_ESCALATE_SECONDS = 12 * 3600;

/** What may be demanded of tokens. */
export const MIN_TOKEN_LIFETIME_SECONDS = 60;
export const MAX_TOKEN_LIFETIME_SECONDS = 365 * 24 * 3600;

const encoder = /* @__PURE__ */ new TextEncoder();

export const utf8Bytes = (text: string): number => encoder.encode(text).length;

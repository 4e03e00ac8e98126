/** A STOMP client says who it is: from then on its socket is a connection like any other. */
import { type Permissions, PermissionsError, parsePermissions } from '../../protocol/permissions.ts';
import {
  type ConnectHeaders,
  type StompDialect,
  StompError,
  type StompFrame,
  stompDialect,
} from '../../protocol/stomp.ts';
import { markForClose } from '../connection/close.ts';
import { lapsesAt } from '../connection/open.ts';
import { type SendOutcome, sendWithRetry } from '../connection/send.ts';
import { logged } from '../log-fields.ts';
import type { Connection, ConnectionKey } from '../model.ts';
import type { StompApp, StompIdentity } from './app.ts';
import type { NewSocket, Socket } from './sockets.ts';

/** Who sends frames, as the handshake has it. */
export interface StompSender {
  connectionId: string;
  /** The IP address that it came from. */
  address: string;
  connectedAt: number;
  /** Of the handshake's token. Undefined: it brought none. */
  identity: StompIdentity | undefined;
  deviceId: string | undefined;
}

/** Answers with `CONNECTED`. Undefined: the socket is gone. Throws a {@link StompError}. */
export async function connect(
  app: StompApp,
  sender: StompSender,
  headers: ConnectHeaders,
): Promise<Socket | undefined> {
  const identity = headers.token === undefined ? sender.identity : await app.verify(headers.token);
  if (identity === undefined) throw new StompError('bad_token', 'The token is missing, bad or expired.');
  if (identity.tokenExpiresAt <= app.clock.now())
    throw new StompError('token_expired', 'The token has expired. Connect again with a new one.');
  const connection = connectionOf(app, sender, identity, headers);
  const socket = socketOf(connection, headers, permissionsOf(identity));
  if (!(await app.sockets.open(connection, socket, sender.address))) return undefined;
  await refuseTooMany(app, connection);
  const { userId, connectionId: session } = connection;
  if (!(await answer(app, connection, { event: 'stomp.connected', userId, session }))) {
    await forget(app, connection);
    return undefined;
  }
  app.logger.metrics({ connected: 1 }, 'stomp connected', {
    ...logged(connection),
    deviceId: connection.deviceId,
  });
  return { ...socket, subscriptions: new Map(), news: new Set(), announced: 0, refusedAt: undefined };
}

function permissionsOf({ permissions }: StompIdentity): Permissions {
  try {
    return parsePermissions(permissions);
  } catch (error) {
    if (!(error instanceof PermissionsError)) throw error;
    throw new StompError('bad_token', `permissions of the token: ${error.message}`);
  }
}

type StompConnection = Connection & { dialect: StompDialect };

const connectionOf = (
  app: StompApp,
  { connectionId, deviceId }: StompSender,
  { userId, tokenExpiresAt }: StompIdentity,
  headers: ConnectHeaders,
): StompConnection => {
  const now = app.clock.now();
  return {
    userId,
    connectionId,
    deviceId: headers.deviceId ?? deviceId,
    dialect: stompDialect(headers.version),
    ackMode: 'auto',
    handover: false,
    connectedAt: now,
    tokenExpiresAt,
    endpoint: app.settings.callbackUrl,
    channels: new Set(),
    readyAt: now,
    startsAt: undefined,
    paused: undefined,
    bye: undefined,
    expiresAt: lapsesAt(now),
  };
};

const socketOf = (
  { connectionId, userId, deviceId, dialect, tokenExpiresAt, expiresAt }: StompConnection,
  { batchBytes }: ConnectHeaders,
  permissions: Permissions,
): NewSocket => ({
  connectionId,
  userId,
  deviceId,
  dialect,
  batchBytes,
  permissions,
  tokenExpiresAt,
  expiresAt,
});

/**
 * The newcomer is refused: its page connects again whatever it is told, and would throw out its own
 * other tabs. Counted after its row is written, so that of several at once those beyond go.
 */
async function refuseTooMany(app: StompApp, connection: Connection): Promise<void> {
  const all = await app.connections.list(connection.userId);
  const earlier = all.filter((one) => one.bye === undefined && isEarlier(one, connection));
  if (earlier.length < app.settings.maxConnectionsPerUser) return;
  await app.connections.remove(connection);
  await app.sockets.remove(connection.connectionId);
  throw new StompError('too_many_connections', 'The user has opened too many connections.');
}

/** A post that failed may have arrived, and no client takes an answer twice. */
const REFUSED: readonly SendOutcome[] = ['throttled'];

/** Whether its client was told for certain: it waits for this, for ever. */
export const answer = async (app: StompApp, connection: Connection, frame: StompFrame): Promise<boolean> =>
  (await sendWithRetry(app, connection, frame, REFUSED)) === 'sent';

/**
 * Closes its socket, and nothing is left of a connection. Where the gateway does not close it, the
 * stream tries again.
 */
export async function forget(app: StompApp, key: ConnectionKey): Promise<void> {
  const { connectionId } = key;
  const closed = await app.gateway.close({ connectionId, endpoint: app.settings.callbackUrl });
  if (closed !== 'sent' && closed !== 'gone') return await markForClose(app, key, 'not_reading');
  await app.connections.remove(key);
  await app.sockets.remove(connectionId);
}

const isEarlier = (one: Connection, other: Connection): boolean =>
  one.connectedAt < other.connectedAt ||
  (one.connectedAt === other.connectedAt && one.connectionId < other.connectionId);

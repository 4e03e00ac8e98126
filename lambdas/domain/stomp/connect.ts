/** A STOMP client says who it is: from then on its socket is a connection like any other. */
import { type Permissions, PermissionsError, parsePermissions } from '../../protocol/permissions.ts';
import { type ConnectHeaders, type StompDialect, StompError, stompDialect } from '../../protocol/stomp.ts';
import { lapsesAt } from '../connection/open.ts';
import { logged } from '../log-fields.ts';
import type { Connection } from '../model.ts';
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
  await app.gateway.post(connection, {
    event: 'stomp.connected',
    userId: connection.userId,
    session: connection.connectionId,
  });
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

const isEarlier = (one: Connection, other: Connection): boolean =>
  one.connectedAt < other.connectedAt ||
  (one.connectedAt === other.connectedAt && one.connectionId < other.connectionId);

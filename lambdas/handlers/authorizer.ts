/**
 * `$connect` authorizer: who connects, from the token alone, and what the other routes are told
 * about it.
 */
import { TokenError } from '../auth/verify-token.ts';
import type { AuthorizerApp } from '../authorizer-app.ts';
import { PermissionsError, parsePermissions } from '../protocol/permissions.ts';
import { type Handshake, parseHandshake } from '../wire/handshake.ts';
import type { AuthorizerContext, AuthorizerEvent, AuthorizerResult } from './events.ts';

/** Whoever connects may send any text as `Origin`. */
const MAX_ORIGIN_LOGGED = 200;

export const createAuthorizerHandler =
  ({ verify, allowedOrigins, stomp = false, logger }: AuthorizerApp) =>
  async (event: AuthorizerEvent): Promise<AuthorizerResult> => {
    const handshake = parseHandshake(event);
    const { token, origin } = handshake;
    const isStomp = stomp && handshake.isStomp;
    try {
      if (isStomp && token === undefined)
        return decision(event.methodArn, isAllowed(origin, allowedOrigins), pendingContext(handshake));
      if (token === undefined) throw new TokenError('no token');
      const { userId, tokenExpiresAt, permissions } = await verify(token);
      const allowed = isAllowed(origin, allowedOrigins);
      if (!allowed) logger.warn('origin refused', { userId, origin: origin?.slice(0, MAX_ORIGIN_LOGGED) });
      return decision(event.methodArn, allowed, {
        ...contextOf(userId, tokenExpiresAt, isStomp ? handshake : asHerald(handshake)),
        ...(isStomp && { stomp: '1' }),
        ...permissionsContext(permissions, handshake.problem),
      });
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      logger.metrics({ tokensRefused: 1 }, 'token refused', { reason: error.message });
      throw new Error('Unauthorized'); // this very text makes API Gateway answer 401
    }
  };

/** A request without `Origin` is no browser's. */
const isAllowed = (origin: string | undefined, allowed: string[] | undefined): boolean =>
  origin === undefined || !allowed || allowed.includes(origin);

/** Who it is, its `CONNECT` says. */
const pendingContext = ({ deviceId, subprotocol, problem }: Handshake): AuthorizerContext => ({
  userId: '',
  ackMode: 'auto',
  tokenExpiresAt: '0',
  stomp: '1',
  ...(deviceId && { deviceId }),
  ...(subprotocol && { subprotocol }),
  ...(problem && { badRequest: problem }),
});

/** Where STOMP is switched off, none of its sub-protocols is answered. */
const asHerald = (handshake: Handshake): Handshake =>
  handshake.isStomp ? { ...handshake, subprotocol: undefined } : handshake;

const contextOf = (
  userId: string,
  tokenExpiresAt: number,
  { deviceId, ackMode, handover, subprotocol, problem }: Handshake,
): AuthorizerContext => ({
  userId,
  ackMode,
  tokenExpiresAt: String(tokenExpiresAt),
  ...(deviceId && { deviceId }),
  ...(handover && { handover: '1' }),
  ...(subprotocol && { subprotocol }),
  ...(problem && { badRequest: problem }),
});

/** A claim that cannot be read is no reason to refuse the token: it is refused with its reason. */
function permissionsContext(
  claim: unknown,
  problem: string | undefined,
): Pick<AuthorizerContext, 'permissions' | 'badRequest'> {
  if (claim === undefined) return {};
  try {
    return { permissions: JSON.stringify(parsePermissions(claim)) };
  } catch (error) {
    if (!(error instanceof PermissionsError)) throw error;
    return { badRequest: problem ?? `permissions of the token: ${error.message}` };
  }
}

/**
 * WebSocket APIs match the resource against `…/stage/$connect`; a wildcard over the method does
 * not.
 */
const decision = (methodArn: string, allow: boolean, context: AuthorizerContext): AuthorizerResult => ({
  principalId: context.userId || 'stomp',
  policyDocument: {
    Version: '2012-10-17',
    Statement: [{ Action: 'execute-api:Invoke', Effect: allow ? 'Allow' : 'Deny', Resource: methodArn }],
  },
  context,
});

/** Reads what a client says while it connects: its token, its device and how it acknowledges. */
import { ACK_MODES, type AckMode, DEFAULT_DIALECT } from '../protocol/frames.ts';
import { isToken, TOKEN_RULE } from '../protocol/names.ts';
import { STOMP_DIALECTS } from '../protocol/stomp.ts';

/**
 * Header names in any case, as the sender wrote them. Both are absent, not empty, when there are
 * none.
 */
export interface HandshakeRequest {
  headers?: Record<string, string | undefined> | null | undefined;
  /** The same headers with all their lines; of `headers` the last line counts. */
  multiValueHeaders?: Record<string, string[] | undefined> | null | undefined;
  queryStringParameters?: Record<string, string | undefined> | null | undefined;
}

export interface Handshake {
  token: string | undefined;
  /** Undefined: an anonymous device. */
  deviceId: string | undefined;
  ackMode: AckMode;
  /** The device opens this connection before it closes its older one. */
  handover: boolean;
  /**
   * What the server answers: set when the client offered it, since a client that offered fails
   * without an answer.
   */
  subprotocol: string | undefined;
  /** The client speaks STOMP: who it is, it says in a frame. */
  isStomp: boolean;
  /** Of the page, when a browser connects. */
  origin: string | undefined;
  /** What is wrong with the device id or the ack mode, for the 400. */
  problem: string | undefined;
}

/** Never throws: a bad token is the authorizer's to refuse, a bad device id `$connect`'s. */
export function parseHandshake(request: HandshakeRequest): Handshake {
  const header = lowerCased(request.headers ?? {});
  const query = request.queryStringParameters ?? {};
  const offered = offeredProtocols(request);
  const deviceId = header['x-device-id'] ?? query.deviceId;
  const ack = query.ack ?? 'auto';
  const ackMode = ACK_MODES.find((mode) => mode === ack);

  return {
    token: bearer(header.authorization) ?? offeredToken(offered) ?? (query.token || undefined),
    deviceId: isToken(deviceId) ? deviceId : undefined,
    ackMode: ackMode ?? 'auto',
    handover: query.handover === '1',
    ...dialectIn(offered, query.protocol),
    origin: header.origin,
    problem:
      deviceId !== undefined && !isToken(deviceId)
        ? `deviceId: expected ${TOKEN_RULE}`
        : ackMode === undefined
          ? `ack: expected ${ACK_MODES.join(' or ')}`
          : undefined,
  };
}

/** Of STOMP the highest version is answered, in the letters of the offer: clients speak it then. */
function dialectIn(
  offered: string[],
  protocol: string | undefined,
): Pick<Handshake, 'subprotocol' | 'isStomp'> {
  if (offered.includes(DEFAULT_DIALECT)) return { subprotocol: DEFAULT_DIALECT, isStomp: false };
  const name = STOMP_DIALECTS.find((one) => offered.some((offer) => offer.toLowerCase() === one));
  const subprotocol = offered.find((offer) => offer.toLowerCase() === name);
  return { subprotocol, isStomp: subprotocol !== undefined || protocol?.toLowerCase() === 'stomp' };
}

/** Several lines of the header are one list (RFC 6455, section 11.3.4). */
function offeredProtocols({ headers, multiValueHeaders }: HandshakeRequest): string[] {
  const lines = Object.entries(multiValueHeaders ?? headers ?? {}).flatMap(([name, value]) =>
    name.toLowerCase() === 'sec-websocket-protocol' ? (value ?? []) : [],
  );
  return lines.flatMap((line) => line.split(',')).map((name) => name.trim());
}

const bearer = (authorization: string | undefined): string | undefined =>
  authorization?.match(/^bearer +(\S+)\s*$/i)?.[1];

const offeredToken = (offered: string[]): string | undefined =>
  offered.find((name) => name.startsWith('bearer.'))?.slice('bearer.'.length) || undefined;

const lowerCased = (headers: Record<string, string | undefined>): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

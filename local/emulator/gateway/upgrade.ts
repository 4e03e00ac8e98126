/** What of a handshake is settled without a Lambda: whether it is one at all, and how a refusal is written. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { newGatewayId } from '../ids.ts';
import { handshakeProblem } from '../request-limits.ts';
import { STAGE } from './settings.ts';

const TOKENS = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:[ \t]*,[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+)*$/;

/** The status that refuses it; checked before any Lambda runs, so that `ws` has nothing left to refuse after `$connect`. */
export function upgradeProblem(request: IncomingMessage): number | undefined {
  const { method, url = '', headers } = request;
  const tooLarge = handshakeProblem(request);
  if (tooLarge !== undefined) return tooLarge;
  const path = url.split('?')[0];
  if (path !== `/${STAGE}` && path !== `/${STAGE}/`) return 403;
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') return 400;
  if (headers['sec-websocket-version'] !== '13') return 400;
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')) return 400;
  const offered = headers['sec-websocket-protocol'];
  if (offered === undefined) return undefined;
  const names = offered.split(',').map((name) => name.trim());
  return TOKENS.test(offered) && new Set(names).size === names.length ? undefined : 400;
}

/** `why`: more than the status says. */
export function refuseUpgrade(socket: Duplex, status: number, connectionId: string, why?: string): void {
  const statusText = STATUS_CODES[status] ?? 'Refused';
  const message = why ?? statusText;
  const body = JSON.stringify({ message, connectionId, requestId: newGatewayId() });
  socket.end(
    `HTTP/1.1 ${status} ${statusText}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

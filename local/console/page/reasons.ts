/** Why a device is in its state, and what to do about it. */
import type { Device } from './device.ts';

/** By the reason with which the client gave up. */
const CLOSED: Record<string, string> = {
  client: 'You disconnected it. Connect brings what it missed.',
  token_expired: 'The token has expired. Connect gets a new one.',
  replaced: 'Another connection of this device took its place. Connect takes it back.',
  too_many_connections: 'The user has too many connections. Close another tab, then connect.',
  revoked: 'An operator cut it off. Connect opens it again.',
};

/** Empty: there is nothing to say. */
export function reasonOf({ network, status, refusal }: Device): string {
  if (network.isCut) return 'Its network is cut; the server does not know. Come back gets what it missed.';
  if (refusal !== undefined && status.state !== 'live') return refusal;
  if (status.state === 'closed') return CLOSED[status.reason] ?? `${status.message} Connect tries again.`;
  if (status.state === 'waiting') return `${status.message || 'No connection.'} It tries again by itself.`;
  return '';
}

/** What the server answered to a subscription. */
const REFUSED: Record<string, (topic: string) => string> = {
  forbidden: (topic) =>
    `The token does not allow ${topic}. Make the user a member, or start the stack with --open-topics ${topic}.`,
  too_many_subscriptions: (topic) =>
    `Not joined to ${topic}: the connection has as many subscriptions as the stack allows (--max-subscriptions).`,
};

/** Why a device does not hear the topic it wanted to join. */
export const refusalOf = (topic: string, code: string): string =>
  REFUSED[code]?.(topic) ?? `Not joined to ${topic}: ${code.replaceAll('_', ' ')}.`;

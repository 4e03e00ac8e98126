/** `herald presence`: which devices of a user are connected, and how far each device has come. */
import type { Presence } from '../../../lambdas/domain/operate.ts';
import { defineCommand } from '../command.ts';
import { pathOf, printEach, request } from '../requests.ts';
import { targetOptions, targetUrl } from '../target.ts';
import { usersOf } from '../values.ts';

export const presence = defineCommand({
  summary: 'Prints which devices of each user are connected, and how far each has come.',
  operands: '<user>…',
  options: {
    ...targetOptions('HttpUrl'),
    json: { help: 'print the answers as they are, a line for each user' },
  },
  async run(operands, { json, ...target }) {
    const base = targetUrl('HttpUrl', target);
    const ask = (userId: string) => request({ method: 'GET', base, path: pathOf(userId, 'connections') });
    await printEach(usersOf(operands), ask, json, linesOf);
  },
});

function linesOf(userId: string, { connections, devices }: Presence): string[] {
  const at = (epochMs: number) => new Date(epochMs).toISOString();
  const connected = connections.map(
    ({ deviceId, connectedAt }) =>
      `${userId}  ${deviceId ?? '(no device id)'}  connected since ${at(connectedAt)}`,
  );
  const known = devices.map(
    ({ deviceId, cursor, lastSeenAt }) =>
      `${userId}  ${deviceId}  has all through #${cursor}, last seen ${at(lastSeenAt)}`,
  );
  const lines = [...connected, ...known];
  return lines.length > 0 ? lines : [`${userId}  no connections, no devices`];
}

/** `herald revoke`: cuts a user's connections, or one device's. */
import { isToken, TOKEN_RULE } from '../../../lambdas/protocol/names.ts';
import { defineCommand } from '../command.ts';
import { pathOf, printEach, request } from '../requests.ts';
import { targetOptions, targetUrl } from '../target.ts';
import { optional, usersOf } from '../values.ts';

export const revoke = defineCommand({
  summary: 'Cuts the connections of each user, or of one device.',
  operands: '<user>…',
  options: {
    device: { value: 'ID', help: 'only the connections of this device' },
    ...targetOptions('HttpUrl'),
    json: { help: 'print the answers as they are, a line for each user' },
  },
  notes: 'Connections are cut, not tokens: who has a token that is valid connects again.',
  async run(operands, { device, json, ...target }) {
    const query = { deviceId: optional('--device', device, isToken, TOKEN_RULE) };
    const base = targetUrl('HttpUrl', target);
    const ask = (userId: string) =>
      request({ method: 'DELETE', base, path: pathOf(userId, 'connections'), query });
    await printEach(usersOf(operands), ask, json, (userId, { closed }: { closed: number }) => [
      `${userId}  ${closed} ${closed === 1 ? 'connection' : 'connections'} closed`,
    ]);
  },
});

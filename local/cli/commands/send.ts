/** `herald send`: publishes a notification. */
import type { PublishAnswer } from '../../../lambdas/domain/publish/publish.ts';
import { MAX_RETENTION_SECONDS, MIN_RETENTION_SECONDS } from '../../../lambdas/protocol/limits.ts';
import { isMessageId, isToken, MESSAGE_ID_RULE, TOKEN_RULE } from '../../../lambdas/protocol/names.ts';
import { defineCommand } from '../command.ts';
import { request } from '../requests.ts';
import { targetOptions, targetUrl } from '../target.ts';
import { checked, integer, jsonValue, optional, usersOf } from '../values.ts';

const RETENTION = { min: MIN_RETENTION_SECONDS, max: MAX_RETENTION_SECONDS };

export const send = defineCommand({
  summary: 'Publishes a notification to one or more users.',
  operands: '<user>…',
  options: {
    type: { value: 'TYPE', help: `of the message; ${TOKEN_RULE}` },
    data: { value: 'JSON', help: 'of the message; @file reads it from a file, - from standard input' },
    except: { value: 'DEVICE', help: 'that caused it and is not told' },
    id: { value: 'KEY', help: 'idempotency key: sent again with the same, nothing happens' },
    retention: { value: 'SECONDS', help: `how long it is kept, ${RETENTION.min} to ${RETENTION.max}` },
    ...targetOptions('HttpUrl'),
    json: { help: 'print the answer as it is' },
  },
  notes: `A request to AWS is signed with the usual credentials.

  herald send alice bob --type order.shipped --data '{"orderId":1}'
  jq .order order.json | herald send alice --type order.shipped --data -`,
  async run(operands, { type, data = 'null', except, id, retention, json, ...target }) {
    const users = usersOf(operands);
    const notification = {
      to: users.length === 1 ? { user: users[0] } : { users },
      type: checked('--type', type, isToken, TOKEN_RULE),
      id: optional('--id', id, isMessageId, MESSAGE_ID_RULE),
      excludeDeviceId: optional('--except', except, isToken, TOKEN_RULE),
      retentionSeconds: integer('--retention', retention, RETENTION),
    };
    const base = targetUrl('HttpUrl', target);
    const body = { ...notification, data: await jsonValue('--data', data) };
    const answer = await request({ method: 'POST', base, path: '/notifications', body });
    if (json) console.log(answer);
    const { results } = JSON.parse(answer) as PublishAnswer;
    if (!json) for (const result of results) console.log(lineOf(result));
    const failed = results.filter((result) => 'error' in result);
    if (failed.length > 0) throw new Error(`${failed.length} of ${results.length} users did not get it`);
  },
});

function lineOf(result: PublishAnswer['results'][number]): string {
  if ('error' in result) return `${result.userId}  not published: ${result.error.message}`;
  const { userId, seq, duplicate, connections, sent, excluded, gone, deferred } = result;
  if (duplicate) return `${userId}  #${seq}  was published before`;
  const others = Object.entries({ excluded, gone, deferred }).filter(([, count]) => count > 0);
  const told = others.map(([name, count]) => `, ${count} ${name}`).join('');
  return `${userId}  #${seq}  posted to ${sent} of ${connections} connections${told}`;
}

/** `herald send`: publishes a notification. */
import type { PublishAnswer } from '../../../lambdas/domain/publish/publish.ts';
import { isTopic, TOPIC_RULE } from '../../../lambdas/protocol/channel.ts';
import { ANSWER_RULE, isAnswer } from '../../../lambdas/protocol/escalate.ts';
import {
  MAX_ESCALATE_SECONDS,
  MAX_RETENTION_SECONDS,
  MIN_ESCALATE_SECONDS,
  MIN_RETENTION_SECONDS,
} from '../../../lambdas/protocol/limits.ts';
import {
  isMessageId,
  isToken,
  isUserId,
  MESSAGE_ID_RULE,
  TOKEN_RULE,
  USER_ID_RULE,
} from '../../../lambdas/protocol/names.ts';
import { defineCommand } from '../command.ts';
import { request } from '../requests.ts';
import { targetOptions, targetUrl } from '../target.ts';
import { checked, integer, jsonText, optional, usersOf } from '../values.ts';

const ESCALATE = { min: MIN_ESCALATE_SECONDS, max: MAX_ESCALATE_SECONDS };
const RETENTION = { min: MIN_RETENTION_SECONDS, max: MAX_RETENTION_SECONDS };

export const send = defineCommand({
  summary: 'Publishes a notification to one or more users, to a topic, or to everyone.',
  operands: '[<user>…]',
  options: {
    topic: { value: 'NAME', help: 'to whoever hears this topic, instead of users' },
    everyone: { help: 'to everyone, instead of users' },
    type: { value: 'TYPE', help: `of the message; ${TOKEN_RULE}` },
    data: { value: 'JSON', help: 'of the message; @file reads it from a file, - from standard input' },
    except: { value: 'DEVICE', help: 'that caused it and is not told; DEVICE/TAB: only that tab is not' },
    'except-user': { value: 'USER', help: 'of a topic or everyone: whose device, or all of whose devices' },
    'collapse-key': { value: 'KEY', help: 'a replay brings only the newest message of a key' },
    id: { value: 'KEY', help: 'idempotency key: sent again with the same, nothing happens' },
    retention: { value: 'SECONDS', help: `how long it is kept, ${RETENTION.min} to ${RETENTION.max}` },
    trace: { help: 'the log of the stack tells its way, whatever share of messages is sampled' },
    escalate: {
      value: 'SECONDS',
      help: `call for help if it is unanswered, ${ESCALATE.min} to ${ESCALATE.max}`,
    },
    unless: { value: 'ANSWER', help: 'what an answer is: acked, by any device, or read' },
    ...targetOptions('HttpUrl'),
    json: { help: 'print the answer as it is' },
  },
  notes: `A request to AWS is signed with the usual credentials.

  herald send alice bob --type order.shipped --data '{"orderId":1}'
  herald send --topic news --type article --data '"hello"'
  jq .order order.json | herald send alice --type order.shipped --data -`,
  async run(operands, { topic, everyone, type, data = 'null', except, id, retention, trace, json, ...rest }) {
    const { 'except-user': exceptUser, 'collapse-key': collapseKey, ...others } = rest;
    const { escalate, unless, ...target } = others;
    const notification = {
      to: recipientsOf(operands, topic, everyone),
      type: checked('--type', type, isToken, TOKEN_RULE),
      id: optional('--id', id, isMessageId, MESSAGE_ID_RULE),
      // The stack says what is wrong with it: it knows the rules of each kind of channel.
      excludeDeviceId: except,
      excludeUserId: optional('--except-user', exceptUser, isUserId, USER_ID_RULE),
      collapseKey: optional('--collapse-key', collapseKey, isToken, TOKEN_RULE),
      retentionSeconds: integer('--retention', retention, RETENTION),
      trace,
      escalate: escalateOf(escalate, unless),
    };
    const base = targetUrl('HttpUrl', target);
    const fields = JSON.stringify(notification).slice(0, -1);
    const body = `${fields},"data":${await jsonText('--data', data)}}`;
    const answer = await request({ method: 'POST', base, path: '/notifications', body });
    if (json) console.log(answer);
    const { results } = JSON.parse(answer) as PublishAnswer;
    if (!json) for (const result of results) console.log(lineOf(result));
    const failed = results.filter((result) => 'error' in result);
    if (failed.length > 0) throw new Error(`${failed.length} of ${results.length} did not get it`);
  },
});

function recipientsOf(operands: string[], topic: string | undefined, everyone: true | undefined) {
  const kinds = [operands.length > 0, topic !== undefined, everyone === true].filter(Boolean);
  if (kinds.length > 1) throw new Error('expected users, --topic or --everyone, got several of these');
  if (everyone) return { everyone };
  if (topic !== undefined) return { topic: checked('--topic', topic, isTopic, TOPIC_RULE) };
  const users = usersOf(operands);
  return users.length === 1 ? { user: users[0] } : { users };
}

function escalateOf(seconds: string | undefined, unless: string | undefined) {
  const afterSeconds = integer('--escalate', seconds, ESCALATE);
  const answer = optional('--unless', unless, isAnswer, ANSWER_RULE);
  if (afterSeconds === undefined && answer !== undefined) throw new Error('--unless is for --escalate');
  return afterSeconds === undefined ? undefined : { afterSeconds, unless: answer };
}

function lineOf(result: PublishAnswer['results'][number]): string {
  const whom = result.userId ?? result.channel;
  if ('error' in result) return `${whom}  not published: ${result.error.message}`;
  const { seq, duplicate, connections, sent, excluded, gone, deferred, queued } = result;
  if (duplicate) return `${whom}  #${seq}  was published before`;
  const others = Object.entries({ excluded, gone, deferred }).filter(([, count]) => count > 0);
  const told = others.map(([name, count]) => `, ${count} ${name}`).join('');
  const rest = queued > 0 ? `, about ${queued} more by the fan-out` : '';
  return `${whom}  #${seq}  posted to ${sent} of ${connections} connections${told}${rest}`;
}

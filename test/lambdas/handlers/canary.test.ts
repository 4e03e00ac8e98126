/**
 * Neither a token nor the data of a message shows in what a Lambda leaves behind: its log, its metrics, and the errors that Lambda itself
 * logs and traces. Every handler runs through success and failure with a canary of each; what it writes and throws is searched.
 */
import { inspect } from 'node:util';
import * as v from 'valibot';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { secretKeys } from '../../../lambdas/auth/keys.ts';
import { createVerifyToken } from '../../../lambdas/auth/verify-token.ts';
import type { App } from '../../../lambdas/domain/app.ts';
import { Busy } from '../../../lambdas/domain/errors.ts';
import { createAuthorizerHandler } from '../../../lambdas/handlers/authorizer.ts';
import { createConnectHandler } from '../../../lambdas/handlers/connect.ts';
import { createDisconnectHandler } from '../../../lambdas/handlers/disconnect.ts';
import type { WebSocketEvent } from '../../../lambdas/handlers/events.ts';
import { createMessageHandler } from '../../../lambdas/handlers/message.ts';
import { createNotifyHandler } from '../../../lambdas/handlers/notify.ts';
import { createReconcileHandler } from '../../../lambdas/handlers/reconcile.ts';
import { createUsersHandler } from '../../../lambdas/handlers/users.ts';
import { createLogger } from '../../../lambdas/logger.ts';
import { aContext } from '../../support/builders.ts';
import { loadNoStomp, withoutStomp } from '../../support/no-stomp.ts';
import { goodClaims, hs, inSeconds, SECRET, unsigned } from '../../support/tokens.ts';
import { World } from '../../support/world.ts';

const PAYLOAD = 'canary-payload-5f1c';

/** All that was written and thrown since the test began. */
let left: string[];
let restore: () => void;

beforeEach(() => {
  left = [];
  const streams = [process.stdout, process.stderr];
  const writes = streams.map((stream) => stream.write);
  for (const stream of streams) {
    stream.write = (text: string | Uint8Array) => left.push(String(text)) > 0;
  }
  restore = () =>
    streams.forEach((stream, index) => {
      const write = writes[index];
      if (write) stream.write = write;
    });
});
afterEach(() => restore());

/** As the Lambda runtime reports it: with its stack, its causes and all that it carries. */
async function run(invocation: Promise<unknown>): Promise<boolean> {
  try {
    await invocation;
    return true;
  } catch (error) {
    left.push(
      inspect(error, { depth: 20 }),
      JSON.stringify(error),
      error instanceof Error ? `${error.stack}` : '',
    );
    return false;
  }
}

/** Nothing of the canaries; and the search did see something, so that it would have found them. */
function expectNoTraceOf(...canaries: string[]) {
  restore();
  expect(left.length).toBeGreaterThan(0);
  const found = left.filter((text) => canaries.some((canary) => text.includes(canary)));
  expect(found.slice(0, 3)).toEqual([]);
}

const logger = createLogger('canary', { backend: 'Herald' });
const aWorld = (overrides: Partial<App> = {}) => {
  const world = new World({ logger, ...overrides });
  return Object.assign(world, { app: { ...world.app, logger } });
};

const METHOD_ARN = 'arn:aws:execute-api:eu-west-1:123456789012:api/prod/$connect';

/** The three ways a token may come. */
const connects = (token: string) => [
  { headers: { Authorization: `Bearer ${token}` } },
  { headers: { 'Sec-WebSocket-Protocol': `herald.v1, bearer.${token}` } },
  { headers: {}, queryStringParameters: { token } },
];

it('a token is left nowhere, whether it is taken or refused, or cannot be judged', async () => {
  const tokens = [
    hs(goodClaims()),
    hs(goodClaims(), { secret: 'another' }),
    hs({ ...goodClaims(), exp: inSeconds(-60) }),
    hs({ ...goodClaims(), iss: 'nobody' }),
    hs({ sub: '', exp: inSeconds(60) }),
    hs('no json but canary-claims'),
    hs(goodClaims(), { alg: 'HS512' }),
    unsigned(goodClaims()),
    `${hs(goodClaims())}.rest`,
    'canary-no-token-at-all',
    Buffer.from('{"alg":').toString('base64url').concat('.canary-half.x'),
  ];
  const stores = [async () => SECRET, async () => Promise.reject(new Error('secret store down'))];
  const outcomes: boolean[] = [];
  for (const readSecret of stores) {
    const verify = createVerifyToken(secretKeys(readSecret), { issuer: undefined });
    for (const allowedOrigins of [undefined, ['https://app.example']]) {
      const handler = createAuthorizerHandler({ verify, allowedOrigins, logger });
      for (const token of tokens) {
        for (const { headers, ...query } of connects(token)) {
          const event = { type: 'REQUEST', methodArn: METHOD_ARN, ...query } as const;
          outcomes.push(
            await run(handler({ ...event, headers: { ...headers, Origin: 'https://evil.example' } })),
          );
        }
      }
    }
  }
  expect(new Set(outcomes).size).toBe(2);
  const parts = tokens.flatMap((token) => token.split('.')).filter((part) => part.length > 8);
  expectNoTraceOf(...tokens, ...parts, 'canary-claims', 'canary-half', SECRET);
});

/** The ways the world can fail, one at a time. */
const FAULTS: [string, (world: World) => void][] = [
  ['nothing', () => {}],
  [
    'the log is busy',
    ({ app }) => Object.assign(app.log, { append: () => Promise.reject(new Busy('busy')) }),
  ],
  [
    'the log is out of order',
    ({ app }) => Object.assign(app.log, { append: () => Promise.reject(new Error('down')) }),
  ],
  [
    'connections cannot be read',
    ({ app }) => Object.assign(app.connections, { list: () => Promise.reject(new Error('down')) }),
  ],
  [
    'devices cannot be written',
    ({ app }) => Object.assign(app.devices, { advance: () => Promise.reject(new Error('down')) }),
  ],
  ['posts are throttled', ({ app }) => Object.assign(app.gateway, { post: async () => 'throttled' })],
  ['posts fail', ({ app }) => Object.assign(app.gateway, { post: async () => 'failed' })],
  ['clients are gone', ({ app }) => Object.assign(app.gateway, { post: async () => 'gone' })],
];

const types = {
  strict: { data: v.object({ amount: v.number(), note: v.optional(v.picklist(['a', 'b'])) }) },
};

const notifications = [
  { type: 'any', data: { text: PAYLOAD, [PAYLOAD]: [PAYLOAD] } },
  { type: 'any', data: PAYLOAD, id: 'again' },
  { type: 'any', data: `${PAYLOAD} otherwise`, id: 'again' },
  { type: 'any', data: PAYLOAD.repeat(3000) },
  { type: 'strict', data: { amount: PAYLOAD } },
  { type: 'strict', data: { amount: 1, note: PAYLOAD } },
  { type: 'strict', data: PAYLOAD },
  { type: 'not a type', data: PAYLOAD },
  { type: 'any', data: PAYLOAD, retentionSeconds: 1 },
];

const throughEveryDoor = (message: object) => {
  const body = { to: { user: 'alice' }, ...message };
  return [
    body,
    { id: 'event', 'detail-type': 'Notification', source: 'app.orders', detail: body },
    { requestContext: { http: {} }, headers: {}, body: JSON.stringify(body) },
    { requestContext: { http: {} }, headers: {}, body: `${JSON.stringify(body)}${PAYLOAD}` },
  ];
};

it.each(FAULTS)('the data of a message is left nowhere on its way, when: %s', async (_fault, breakIt) => {
  const world = aWorld({ types });
  await world.device('alice', 'phone');
  await world.device('alice', 'tablet', { ackMode: 'client' });
  breakIt(world);
  const notify = createNotifyHandler(world.app);
  for (const message of notifications) {
    for (const event of throughEveryDoor(message)) await run(notify(event, aContext()));
  }
  await world.open('alice', 'laptop').catch(() => undefined);
  await replayAll(world);
  const users = createUsersHandler(world.app);
  for (const routeKey of ['GET /users/{userId}/messages', 'GET /users/{userId}/connections']) {
    const pathParameters = { userId: 'alice' };
    await run(users({ routeKey, headers: {}, isBase64Encoded: false, pathParameters }, aContext()));
  }
  expectNoTraceOf(PAYLOAD);
});

/** What the stream was asked for, through the Lambda that it drives. */
async function replayAll(world: World) {
  const replay = createReconcileHandler({ ...world.app, ...withoutStomp });
  for (const { userId, connectionId } of world.requests.splice(0)) {
    const Keys = { userId: { S: userId }, connectionId: { S: connectionId } };
    const NewImage = { ...Keys, replayRequestId: { S: 'request' } };
    await run(
      replay(
        { Records: [{ eventName: 'MODIFY', dynamodb: { Keys, NewImage, SequenceNumber: '1' } }] },
        aContext(),
      ),
    );
  }
}

it.each(FAULTS)('nor is what a client sends, when: %s', async (_fault, breakIt) => {
  const world = aWorld();
  await world.device('alice', 'phone', { ackMode: 'client' });
  const [connection] = await world.connectionsOf('alice');
  if (!connection) throw new Error('not connected');
  breakIt(world);
  const token = hs(goodClaims());
  const event = (eventType: WebSocketEvent['requestContext']['eventType'], body?: string) => ({
    headers: { Authorization: `Bearer ${token}` },
    queryStringParameters: { token },
    requestContext: {
      eventType,
      connectionId: connection.connectionId,
      connectedAt: world.now,
      requestTimeEpoch: world.now,
      authorizer: {
        userId: 'alice',
        deviceId: 'phone',
        ackMode: 'client',
        tokenExpiresAt: `${world.now + 60_000}`,
      },
    },
    ...(body !== undefined && { body }),
  });
  const frame = createMessageHandler(world.app, loadNoStomp);
  for (const body of [
    PAYLOAD,
    `{"action":"${PAYLOAD}"}`,
    `{"action":"ack","seq":"${PAYLOAD}"}`,
    `{"action":"ack","seq":0,"ref":"${PAYLOAD}"}`,
    `{"action":"sync","after":0,"channel":"${PAYLOAD}"}`,
    `{"action":"sync","epoch":"${PAYLOAD}"}`,
    `{"action":"ping","${PAYLOAD}":1}`,
  ]) {
    await run(frame(event('MESSAGE', body), aContext()));
  }
  await run(createConnectHandler({ ...world.app, ...withoutStomp })(event('CONNECT')));
  await run(createDisconnectHandler({ ...world.app, ...withoutStomp })(event('DISCONNECT')));
  expectNoTraceOf(PAYLOAD, token);
});

/** The example that calls by a Web Push: from a message that nobody answers to what a browser shows. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createContext, runInContext } from 'node:vm';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { App, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import webPush from 'web-push';
import { createPush } from '../../examples/web-push/push.ts';
import { WebPush } from '../../examples/web-push/web-push.ts';
import { spawnStack } from '../../local/cli/spawn.ts';
import { useDynamoDb } from '../support/dynoxide.ts';
import { watchBus } from '../support/watch-bus.ts';
import { type PushService, startPushService } from './push-service.ts';

const TABLE = 'push-subscriptions';
const WAIT = { timeout: 45_000, interval: 50 };
const keys = webPush.generateVAPIDKeys();
const vapid = { subject: 'mailto:ops@example.com', ...keys };

describe('an unanswered message', () => {
  const dynamodb = useDynamoDb();
  let service: PushService;
  let user = '';
  let users = 0;

  beforeAll(async () => {
    service = await startPushService(keys.publicKey);
    const attributes = ['userId', 'endpoint'];
    await dynamodb().client.send(
      new CreateTableCommand({
        TableName: TABLE,
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: attributes.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
        KeySchema: [
          { AttributeName: 'userId', KeyType: 'HASH' },
          { AttributeName: 'endpoint', KeyType: 'RANGE' },
        ],
      }),
    );
  });
  afterAll(() => service.stop());
  beforeEach(() => {
    user = `user-${++users}`;
  });

  const push = (by = vapid) => {
    const { client } = dynamodb();
    return createPush({ dynamodb: client, tableName: TABLE, vapid: by, agent: service.agent });
  };
  const subscribed = async (name: string) => {
    const browser = service.subscribe(`${user}-${name}`);
    const Item = { userId: user, endpoint: browser.endpoint, keys: browser.keys };
    await dynamodb().client.send(new PutCommand({ TableName: TABLE, Item }));
    return browser;
  };
  const isKept = async (endpoint: string) => {
    const get = new GetCommand({ TableName: TABLE, Key: { userId: user, endpoint } });
    return (await dynamodb().client.send(get)).Item !== undefined;
  };
  const eventOf = (id: string) => ({ detail: { userId: user, seq: 7, id, type: 'order.late' } });

  it('is pushed to each browser of its user, encrypted and signed, without its data', async () => {
    const browsers = [await subscribed('firefox'), await subscribed('chrome')];
    await push()({ detail: { ...eventOf('order-1').detail, ...{ data: 'secret' } } });
    for (const { pushed } of browsers) {
      expect(pushed.map(({ text }) => JSON.parse(text))).toEqual([
        { id: 'order-1', seq: 7, type: 'order.late' },
      ]);
      expect(pushed[0]?.claims).toMatchObject({ sub: 'mailto:ops@example.com' });
      expect(pushed[0]?.headers).toMatchObject({ urgency: 'high', ttl: '3600' });
    }
  });

  it('that is told twice has one topic, another message another', async () => {
    const { pushed } = await subscribed('firefox');
    for (const id of ['order-1', 'order-1', 'order-2']) await push()(eventOf(id));
    const topics = pushed.map(({ headers }) => String(headers.topic));
    expect(new Set(topics).size).toBe(2);
    expect(topics[0]).toBe(topics[1]);
    for (const topic of topics) expect(topic).toMatch(/^[\w-]{1,32}$/);
  });

  it('is told to nobody who has given up: the subscription is forgotten, and the others hear of it', async () => {
    const [gone, expired, firefox] = [await subscribed('a'), await subscribed('b'), await subscribed('c')];
    gone.status = 410;
    expired.status = 404;
    await push()(eventOf('order-1'));
    expect(firefox.pushed).toHaveLength(1);
    expect([
      await isKept(gone.endpoint),
      await isKept(expired.endpoint),
      await isKept(firefox.endpoint),
    ]).toEqual([false, false, true]);
  });

  it('fails where a push service takes nothing for now, so that it is tried again', async () => {
    const [busy, firefox] = [await subscribed('a'), await subscribed('b')];
    busy.status = 429;
    await expect(push()(eventOf('order-1'))).rejects.toThrow('not all were pushed to');
    expect(firefox.pushed).toHaveLength(1);
    expect(await isKept(busy.endpoint)).toBe(true);
  });

  it('is refused from anybody with other keys', async () => {
    const firefox = await subscribed('firefox');
    const other = { subject: vapid.subject, ...webPush.generateVAPIDKeys() };
    await expect(push(other)(eventOf('order-1'))).rejects.toThrow();
    expect(firefox.pushed).toEqual([]);
  });

  it('gets from a publish to the browser: what the bus is told is what the Lambda takes', async () => {
    const firefox = await subscribed('firefox');
    const stack = await spawnStack(['--queue-speed', '60'], {});
    const bus = await watchBus(stack.httpUrl);
    try {
      const to = { user };
      const notification = { to, type: 'order.late', id: 'order-9', escalate: { afterSeconds: 60 } };
      const { status } = await fetch(`${stack.httpUrl}/notifications`, {
        ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
        body: JSON.stringify(notification),
      });
      expect(status).toBe(200);
      await expect.poll(() => bus.events.length, WAIT).toBe(1);
      const [event] = bus.events;
      expect(event).toMatchObject({ source: 'herald', 'detail-type': 'Message Unanswered' });
      await push()(event as unknown as ReturnType<typeof eventOf>);
      expect(firefox.pushed.map(({ text }) => JSON.parse(text))).toEqual([
        { id: 'order-9', seq: 1, type: 'order.late' },
      ]);
    } finally {
      bus.stop();
      await stack.stop();
    }
  });
});

it('is what a rule of the bus hands to the Lambda, which may read the keys and keep the subscriptions', () => {
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] }, builtinCloudFormationValidation: false });
  const stack = new Stack(app, 'Shop');
  const eventBus = new EventBus(stack, 'Bus');
  const secret = Secret.fromSecretNameV2(stack, 'Vapid', 'shop/vapid');
  new WebPush(stack, 'WebPush', { eventBus, vapid: secret });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Events::Rule', {
    EventBusName: { Ref: Match.stringLikeRegexp('^Bus') },
    EventPattern: { source: ['herald'], 'detail-type': ['Message Unanswered'] },
    Targets: [{ Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^WebPush'), 'Arn'] } }],
  });
  template.hasResourceProperties('AWS::Lambda::Function', {
    DeadLetterConfig: { TargetArn: Match.anyValue() },
    Environment: {
      Variables: Match.objectLike({
        SUBSCRIPTIONS_TABLE: Match.anyValue(),
        VAPID_SECRET_ARN: Match.anyValue(),
      }),
    },
  });
});

describe('the service worker', () => {
  const file = new URL('../../examples/web-push/service-worker.js', import.meta.url);
  type Listener = (event: object) => void;

  const load = (windows: object[]) => {
    const listeners = new Map<string, Listener>();
    const shown: { title: string; tag: string }[] = [];
    const opened: string[] = [];
    const self = {
      addEventListener: (name: string, listener: Listener) => listeners.set(name, listener),
      registration: {
        showNotification: async (title: string, { tag }: { tag: string }) => shown.push({ title, tag }),
      },
      clients: { matchAll: async () => windows, openWindow: async (url: string) => opened.push(url) },
    };
    runInContext(readFileSync(file, 'utf8'), createContext({ self }));
    const fire = async (name: string, event: object) => {
      let work: Promise<unknown> = sleep(0);
      listeners.get(name)?.({ ...event, waitUntil: (promise: Promise<unknown>) => (work = promise) });
      await work;
    };
    return { shown, opened, fire };
  };

  it('shows a push under the tag of its message', async () => {
    const { shown, fire } = load([]);
    await fire('push', { data: { json: () => ({ id: 'order-1', seq: 7, type: 'order.late' }) } });
    await fire('push', { data: { json: () => ({ id: 'x', seq: 8, type: 'other' }) } });
    expect(shown).toEqual([
      { title: 'Your order is late', tag: 'order-1' },
      { title: 'You have a message', tag: 'x' },
    ]);
  });

  it('leads to the page that is open, or opens one', async () => {
    let focused = 0;
    const notification = { close: () => {}, data: { url: '/' } };
    const open = load([{ focus: async () => void focused++ }]);
    await open.fire('notificationclick', { notification });
    expect([focused, open.opened]).toEqual([1, []]);
    const none = load([]);
    await none.fire('notificationclick', { notification });
    expect(none.opened).toEqual(['/']);
  });
});

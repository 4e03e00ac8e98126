/** The JavaScript and TypeScript of the documentation: it compiles, and does what the text beside it says. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Client } from '../../local/cli/client.ts';
import { DEFAULT_JWT_SECRET } from '../../local/cli/token.ts';
import { block, CLAIMS } from './blocks.ts';
import { node, type Run, stop } from './commands.ts';
import { LocalStack } from './local-stack.ts';
import { Workshop } from './workshop.ts';

const stack = new LocalStack();
const workshop = new Workshop();
const [
  README_CLIENT,
  PLAIN_CLIENT,
  LIBRARY,
  INBOX,
  BELL_ELEMENT,
  HOOKS,
  CONSTRUCT,
  TOKEN,
  BUS,
  NODE_CLIENT,
  TYPES,
  BELL,
  BELL_PAGE,
  TOPIC_PAGE,
  PERMISSIONS,
  LISTENING,
  PUBLISHING,
  OUTBOX,
] = CLAIMS.javascript;

const TSC = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');

const running: Run[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map(stop));
});

function run(name: string, text: string, user: string, env: Record<string, string> = {}): Run {
  const started = node(
    workshop.write(name, text),
    {
      URL_OF_STACK: `${stack.wsUrl}?deviceId=phone`,
      TOKEN: stack.token(user),
      SECRET: DEFAULT_JWT_SECRET,
      ...env,
    },
    workshop.folder,
  );
  running.push(started);
  return started;
}

const here = (text: string) => text.replace('wss://…/prod', stack.wsUrl);

interface Shown {
  shown: { seq: number; data: unknown };
  stored: Record<string, unknown>;
}

const shownBy = async (client: Run, count: number): Promise<Shown[]> =>
  (await client.prints(/^shown (.*)$/, count)).map((line) => JSON.parse(line));

it('every snippet in TypeScript compiles', async () => {
  const config = workshop.writeTyped({
    'readme.ts': block(README_CLIENT),
    'library.ts': block(LIBRARY),
    'inbox.ts': block(INBOX),
    'bell.ts': block(BELL_ELEMENT),
    'hooks.tsx': block(HOOKS),
    'shop.ts': block(CONSTRUCT),
    'node-client.ts': block(NODE_CLIENT),
    'message-types.ts': block(TYPES),
    'listening-to-topics.ts': block(LISTENING),
    'publishing.ts': block(PUBLISHING),
  });
  const { stdout } = await node([TSC, '-p', config, '--listFiles', '--pretty', 'false']).ended;
  // Our sources are compiled with them, and have a check of their own.
  const lines = stdout.split('\n').filter((line) => line.includes(basename(workshop.folder)));
  const errors = lines.filter((line) => !existsSync(line));
  expect(errors).toEqual([]);
  expect(lines.map((line) => basename(line))).toContain('shop.ts');
});

describe('the client without a library', () => {
  const start = (env?: Record<string, string>) => run('plain.js', block(PLAIN_CLIENT), 'plain', env);

  it('shows each message once, in order, passes over its own, and after a crash asks for what it lacks', async () => {
    const first = start();
    await untilConnected('plain');
    await stack.publish('plain', 1);
    await stack.publish('plain', 2, 'phone');
    // What everyone hears is not among its messages.
    await stack.request('POST', '/notifications', { to: { everyone: true }, type: 'order.shipped', data: 0 });
    await stack.publish('plain', 3);
    const [, last] = await shownBy(first, 2);
    expect((await shownBy(first, 2)).map(({ shown }) => shown.seq)).toEqual([1, 3]);
    expect(last?.stored).toMatchObject({ epoch: expect.any(String) });
    await stop(first);

    await stack.publish('plain', 4);
    const stored = { epoch: last?.stored.epoch, settled: 1 };
    const second = start({ STORED: JSON.stringify(stored) });
    expect((await shownBy(second, 2)).map(({ shown }) => shown.seq)).toEqual([3, 4]);
  });
});

async function untilConnected(user: string): Promise<void> {
  await expect
    .poll(async () => (await fetch(`${stack.httpUrl}/users/${user}/connections`)).json(), { timeout: 45_000 })
    .toMatchObject({ connections: [expect.anything()] });
}

describe('the client library', () => {
  it('README: shows what comes', async () => {
    await stack.publish('readme', { orderId: 1 });
    const [first] = await shownBy(run('readme-run.ts', here(block(README_CLIENT)), 'readme'), 1);
    expect(first?.shown).toMatchObject({ seq: 1, data: { orderId: 1 } });
  });

  it('its page: shows what comes, and ends when it is closed', async () => {
    await stack.publish('library', { orderId: 7 });
    workshop.write('message-types.ts', block(TYPES));
    const snippet = here(block(LIBRARY));
    const [listening = ''] = snippet.split('stop();');
    const [first] = await shownBy(run('listening.ts', listening, 'library'), 1);
    expect(first?.shown).toBe(7);
    const whole = await run('library-run.ts', snippet, 'library').ended;
    expect([whole.code, whole.stderr]).toEqual([0, '']);
    expect(whole.stdout).toContain('closed');
  });

  it('guide: iterates in Node', async () => {
    await stack.publish('billing', { orderId: 1 });
    const client = run('node-client-run.js', block(NODE_CLIENT), 'billing');
    expect(await client.prints(/(1 order\.shipped \{ orderId: 1 \})/)).toHaveLength(1);
  });
});

describe('the bell', () => {
  /** The page around the snippet: its two elements, and the service that answers with the history. */
  const PAGE = `
    globalThis.document = { createElement: () => ({}) };
    globalThis.badge = { textContent: '' };
    globalThis.list = {
      replaceChildren: (...items) => show({ badge: badge.textContent, items: items.map(({ textContent }) => textContent) }),
    };
    globalThis.fetch = async () => new Response(process.env.HISTORY);
    process.stdin.on('data', () => badge.onclick());`;

  const open = (env: Record<string, string>) => {
    workshop.write('bell.js', block(BELL));
    workshop.write('page.js', PAGE);
    return run('bell-page.js', `import './page.js';\n${here(block(BELL_PAGE))}`, 'bell', env);
  };

  const history = async () => JSON.stringify(await stack.messages('bell'));

  it('counts what is new, knows it again after a restart, and fills a new browser from the history', async () => {
    for (const text of ['one', 'two']) await stack.publish('bell', { text });
    const first = open({ HISTORY: '[]' });
    const until = async (client: Run, pattern: RegExp) => {
      const [line = ''] = await client.prints(pattern, 1);
      return JSON.parse(line) as { shown: { items: string[] }; stored: Record<string, string> };
    };
    const { shown } = await until(first, /^shown (.*"badge":2,.*)$/);
    expect(shown.items).toEqual(['two', 'one']);
    first.child.stdin?.write('click');
    const { stored } = await until(first, /^shown (.*readThrough\\":2.*)$/);
    await stop(first);

    await stack.publish('bell', { text: 'three' });
    const known = { HISTORY: await history(), STORED: JSON.stringify(stored) };
    const second = await until(open(known), /^shown (.*"badge":1,.*)$/);
    expect(second.shown.items).toEqual(['three', 'two', 'one']);

    const elsewhere = await until(open({ HISTORY: await history() }), /^shown (.*"badge":3,.*)$/);
    expect(elsewhere.shown.items).toEqual(['three', 'two', 'one']);
  });
});

it('a token that a login service signs opens a connection', async () => {
  const { stdout } = await run('token.js', `${block(TOKEN)}\nconsole.log(token);`, '').ended;
  const client = await Client.open(stack.wsUrl, { token: stdout.trim() });
  expect(await client.event('ready')).toMatchObject({ userId: 'alice' });
  await client.close();
});

it('a page hears a topic and everyone, and what it missed of the topic', async () => {
  const open = () => run('topic-page.js', block(TOPIC_PAGE), 'reader');
  const publish = (to: object, text: string) =>
    stack.request('POST', '/notifications', { to, type: 'news', data: { text } });
  await stack.request('PUT', '/topics/news/members/reader');
  const first = open();
  await untilConnected('reader');
  await publish({ topic: 'news' }, 'one');
  await publish({ everyone: true }, 'all');
  expect(await first.prints(/^(news 1 \{ text: 'one' \})$/)).toHaveLength(1);
  expect(await first.prints(/^(everyone \{ text: 'all' \})$/)).toHaveLength(1);
  await stop(first);
  await publish({ topic: 'news' }, 'two');
  expect(await open().prints(/^(news 2 \{ text: 'two' \})$/)).toHaveLength(1);
});

it('a token with permissions lets a client subscribe and publish, to nothing else', async () => {
  const sign = block(TOKEN).split('\n')[0];
  const { stdout } = await run('permissions.js', `${sign}\n${block(PERMISSIONS)}\nconsole.log(token);`, '')
    .ended;
  const client = await Client.open(stack.wsUrl, { token: stdout.trim() });
  await client.event('ready');
  client.send({ action: 'subscribe', channel: 'topic:orders.7' });
  expect(await client.event('subscribed')).toMatchObject({ channel: 'topic:orders.7' });
  client.send({ action: 'publish', to: { topic: 'team.7' }, type: 'note' });
  expect(await client.event('published')).toMatchObject({ results: [{ channel: 'topic:team.7', seq: 1 }] });
  client.send({ action: 'publish', to: { topic: 'orders.7' }, type: 'note' });
  expect(await client.event('error')).toMatchObject({ code: 'forbidden' });
  await client.close();
});

it('an event on the bus is published', async () => {
  const { code, stderr } = await run('bus.js', block(BUS), '', { ...stack.aws, EVENT_BUS_NAME: 'herald' })
    .ended;
  expect([code, stderr]).toEqual([0, '']);
  await expect
    .poll(() => stack.messages('alice'), { timeout: 45_000 })
    .toMatchObject([{ id: 'order-1-shipped', type: 'order.shipped', data: { orderId: 1 } }]);
});

it('an order and what it tells of are written by one transaction, and published', async () => {
  const { dynamodb, outboxTable } = (await stack.request('GET', '/local/resources')) as Record<
    string,
    string
  >;
  // Any table will do as that of the orders whose key is a text.
  const ofOrders = block(OUTBOX).replace("orderId: '1'", "id: 'order-1', failed: 'no notification'");
  const { code, stderr } = await run('outbox.js', ofOrders, '', {
    ...stack.aws,
    ...{
      AWS_ENDPOINT_URL_DYNAMODB: `${dynamodb}`,
      OUTBOX_TABLE: `${outboxTable}`,
      ORDERS_TABLE: `${outboxTable}`,
    },
  }).ended;
  expect([code, stderr]).toEqual([0, '']);
  const published = async () => (await stack.messages('alice')).filter(({ id }) => id === 'order-1-shipped');
  await expect
    .poll(published, { timeout: 45_000 })
    .toMatchObject([{ type: 'order.shipped', data: { orderId: 1 } }]);
});

it('the construct is a part of another stack', async () => {
  workshop.write('message-types.ts', block(TYPES));
  workshop.write('shop.ts', block(CONSTRUCT));
  const app = `
    import { App, Stack } from 'aws-cdk-lib';
    import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
    import { ShopStack } from './shop.ts';
    const app = new App({ context: { 'aws:cdk:bundling-stacks': [] }, builtinCloudFormationValidation: false });
    const service = new Role(new Stack(app, 'Orders'), 'Service', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    new ShopStack(app, 'Shop', service);
    const { template } = app.synth().getStackByName('Shop');
    console.log(JSON.stringify(template).includes('"MAX_CONNECTIONS_PER_USER":"20"'));`;
  const { stdout, stderr } = await run('app.ts', app, '').ended;
  expect(stdout.trim(), stderr).toBe('true');
});

it('the registry of types checks a message and says how long it is kept', async () => {
  workshop.write('message-types.ts', block(TYPES));
  const script = `
    import { messageTypes } from './message-types.ts';
    const { data, retentionSeconds } = messageTypes['order.shipped'];
    const answers = [{ orderId: 1 }, {}].map((value) => data['~standard'].validate(value).issues === undefined);
    console.log(JSON.stringify([retentionSeconds, ...answers]));`;
  const { stdout, stderr } = await run('types.ts', script, '').ended;
  expect(stdout.trim(), stderr).toBe('[2592000,true,false]');
});

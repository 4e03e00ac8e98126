/** The libraries that people have, against the real stack: nothing but their URL was changed. */
import { Client as Client5 } from 'stompjs5';
import { Client as Client6 } from 'stompjs6';
import { Client as Client7 } from 'stompjs7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { issueToken } from '../../local/cli/token.ts';
import { type Stack, startStack } from '../../local/stack.ts';

const SECRET = 'a secret of this test, long enough for HS256';

let stack: Stack;
beforeAll(async () => {
  const overrides = { stomp: true, openTopics: ['open'] };
  stack = await startStack({ port: 0, quiet: true, jwtSecret: SECRET, overrides });
});
afterAll(() => stack.stop());

async function publish(to: object, data: unknown, more: object = {}): Promise<void> {
  const response = await fetch(`${stack.httpUrl}/notifications`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ to, type: 'test', data, ...more }),
  });
  expect(response.status).toBe(200);
}

interface Frame {
  command: string;
  headers: Record<string, string>;
  body: string;
}

/** What a library has in common with the others. */
interface Stomp {
  onConnect: (frame: Frame) => void;
  onStompError: (frame: Frame) => void;
  subscribe(
    destination: string,
    heard: (message: Frame & { ack(): void }) => void,
    headers?: Record<string, string>,
  ): { unsubscribe(): void };
  publish(message: { destination: string; body?: string; headers?: Record<string, string> }): void;
  watchForReceipt(id: string, callback: () => void): void;
  activate(): void;
  deactivate(): Promise<void> | void;
}

const LIBRARIES = { 'stompjs 7': Client7, 'stompjs 6': Client6, 'stompjs 5': Client5 };

/** Hands out what it was given, one after the other, to who waits for it. */
function mailbox<Item>() {
  const items: Item[] = [];
  const waiting: ((item: Item) => void)[] = [];
  return {
    put: (item: Item) => (waiting.length > 0 ? waiting.shift()?.(item) : items.push(item)),
    next: (): Promise<Item> => {
      const item = items.shift();
      return item === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(item);
    },
    get size() {
      return items.length;
    },
  };
}

let users = 0;
const newUser = () => `user-${++users}`;

describe.each(Object.entries(LIBRARIES))('%s', (_name, Library) => {
  const clientOf = (user: string, device = 'page', token = issueToken(user, SECRET)): Stomp =>
    new Library({
      webSocketFactory: () => new WebSocket(stack.wsUrl, ['v10.stomp', 'v11.stomp', 'v12.stomp']),
      connectHeaders: { Authorization: `Bearer ${token}`, 'X-GD-UID': device },
      reconnectDelay: 0,
    } as never) as unknown as Stomp;

  const connected = async (client: Stomp): Promise<Stomp> => {
    const { promise, resolve, reject } = Promise.withResolvers<Stomp>();
    client.onConnect = () => resolve(client);
    client.onStompError = (frame) => reject(new Error(`${frame.headers.message}: ${frame.body}`));
    client.activate();
    return await promise;
  };

  const listen = (client: Stomp, destination: string, headers: Record<string, string> = {}) => {
    const messages = mailbox<Frame & { ack(): void }>();
    client.subscribe(destination, messages.put, headers);
    return messages;
  };

  const receiptOf = (client: Stomp, id: string): Promise<void> =>
    new Promise((resolve) => client.watchForReceipt(id, resolve));

  it('hears what it missed and what is new, once and in order', async () => {
    const user = newUser();
    for (let n = 1; n <= 30; n++) await publish({ user }, { n, text: '😀\n:' });
    await (await connected(clientOf(user))).deactivate();
    const client = await connected(clientOf(user, 'other'));
    const messages = listen(client, '/user/queue/any');
    await Promise.all(Array.from({ length: 10 }, (_, index) => publish({ user }, { n: 31 + index })));
    const seqs: number[] = [];
    while (seqs.length < 40) seqs.push(Number((await messages.next()).headers.seq));
    expect(seqs).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(messages.size).toBe(0);
    await client.deactivate();
  });

  it.each(['client', 'client-individual'])('has come again what it did not acknowledge: %s', async (ack) => {
    const user = newUser();
    for (let n = 1; n <= 4; n++) await publish({ user }, n);
    const first = await connected(clientOf(user));
    const messages = listen(first, '/user/queue/any', { ack });
    for (let n = 1; n <= 4; n++) {
      const message = await messages.next();
      if (n <= 2) message.ack();
    }
    first.publish({ destination: '/app/ack', body: 'nothing', headers: { receipt: 'r' } });
    await receiptOf(first, 'r');
    await first.deactivate();
    const second = await connected(clientOf(user));
    const again = listen(second, '/user/queue/any', { ack });
    expect([(await again.next()).body, (await again.next()).body]).toEqual(['3', '4']);
    await second.deactivate();
  });

  it('hears a topic that is open, and is refused one that is not', async () => {
    const client = await connected(clientOf(newUser()));
    const { promise: subscribed, resolve } = Promise.withResolvers<void>();
    client.watchForReceipt('sub', resolve);
    const messages = listen(client, '/topic/open', { receipt: 'sub' });
    await subscribed;
    await publish({ topic: 'open' }, { hello: 1 });
    expect(JSON.parse((await messages.next()).body)).toEqual({ hello: 1 });
    const refused = new Promise<Frame>((heard) => {
      client.onStompError = heard;
    });
    listen(client, '/topic/closed');
    expect((await refused).headers.message).toBe('forbidden');
    await client.deactivate();
  });

  it('is not told what its own device caused', async () => {
    const user = newUser();
    const client = await connected(clientOf(user, 'mine'));
    const messages = listen(client, '/user/queue/any');
    await publish({ user }, 'own', { excludeDeviceId: 'mine' });
    await publish({ user }, 'of another', { excludeDeviceId: 'yours' });
    expect((await messages.next()).body).toBe('"of another"');
    await client.deactivate();
  });

  it('is refused with a bad token, and told so when it is revoked', async () => {
    await expect(connected(clientOf(newUser(), 'page', 'nonsense'))).rejects.toThrow('bad_token');
    const user = newUser();
    const client = await connected(clientOf(user));
    const revoked = new Promise<Frame>((heard) => {
      client.onStompError = heard;
    });
    await fetch(`${stack.httpUrl}/users/${user}/connections`, { method: 'DELETE' });
    expect((await revoked).headers.message).toBe('revoked');
    await client.deactivate();
  });
});

/** The libraries that people have, against the real stack: nothing but their URL was changed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { issueToken, type TokenClaims } from '../../local/cli/token.ts';
import { type Stack, startStack } from '../../local/stack.ts';
import { LIBRARIES, type Message, type Page } from './libraries.ts';

const SECRET = 'a secret of this test, long enough for HS256';

let stack: Stack;
beforeAll(async () => {
  const overrides = { stomp: true, appMessages: true, openTopics: ['open.*'] };
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

/** Hands out what it was given, one after the other, to who waits for it. */
function mailbox() {
  const messages: Message[] = [];
  const waiting: ((message: Message) => void)[] = [];
  const next = (): Promise<Message> => {
    const message = messages.shift();
    return message ? Promise.resolve(message) : new Promise((resolve) => waiting.push(resolve));
  };
  return {
    put(message: Message) {
      const waits = waiting.shift();
      if (waits) waits(message);
      else messages.push(message);
    },
    next,
    /** The bodies of the next so many. */
    async bodies(count: number): Promise<unknown[]> {
      const bodies: unknown[] = [];
      while (bodies.length < count) bodies.push(JSON.parse((await next()).body));
      return bodies;
    },
    get size() {
      return messages.length;
    },
  };
}

let users = 0;
const newUser = () => `user-${++users}`;
const upTo = (last: number, first = 1) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe.each(Object.entries(LIBRARIES))('%s', (name, library) => {
  const headersOf = (user: string, device: string, claims: TokenClaims = {}) => ({
    Authorization: `Bearer ${issueToken(user, SECRET, claims)}`,
    'X-GD-UID': device,
  });
  const pages: Page[] = [];

  async function connected(user: string, device = 'page', claims: TokenClaims = {}): Promise<Page> {
    const page = await library.connect({ url: stack.wsUrl, headers: headersOf(user, device, claims) });
    pages.push(page);
    return page;
  }

  function listen(page: Page, destination: string, headers: Record<string, string> = {}) {
    const messages = mailbox();
    page.subscribe(destination, messages.put, headers);
    return messages;
  }

  /** Resolves when the server has the subscription. */
  async function listening(page: Page, destination: string, headers: Record<string, string> = {}) {
    const taken = page.receipt('subscribed');
    const messages = listen(page, destination, { ...headers, receipt: 'subscribed' });
    await taken;
    return messages;
  }

  it('hears what it missed and what is new, once and in order', async () => {
    const user = newUser();
    for (let n = 1; n <= 30; n++) await publish({ user }, { n, text: '😀\n:' });
    await (await connected(user)).leave();
    const page = await connected(user, 'other');
    const messages = listen(page, '/user/queue/any');
    await Promise.all(upTo(40, 31).map((n) => publish({ user }, { n })));
    const seqs: number[] = [];
    while (seqs.length < 40) seqs.push(Number((await messages.next()).headers.seq));
    expect(seqs).toEqual(upTo(40));
    expect(messages.size).toBe(0);
    await page.leave();
  });

  it.each(['client', 'client-individual'])('has come again what it did not acknowledge: %s', async (ack) => {
    const user = newUser();
    for (let n = 1; n <= 4; n++) await publish({ user }, n);
    const first = await connected(user);
    const messages = listen(first, '/user/queue/any', { ack });
    for (let n = 1; n <= 4; n++) {
      const message = await messages.next();
      if (n <= 2) message.ack();
    }
    await settled(user, 'page', 2);
    await first.leave();
    const second = await connected(user);
    expect(await listen(second, '/user/queue/any', { ack }).bodies(2)).toEqual([3, 4]);
    await second.leave();
  });

  it('acknowledges by the id of a message', async () => {
    const user = newUser();
    await publish({ user }, 1, { id: `order-${user}` });
    const page = await connected(user);
    await listen(page, '/user/queue/any', { ack: 'client' }).next();
    const taken = page.receipt('r');
    page.send('/app/ack', `order-${user}`, { receipt: 'r' });
    await taken;
    await settled(user, 'page', 1);
    await page.leave();
  });

  it('hears a topic that is open or that its token allows, and is refused one that is not', async () => {
    const [open, allowed] = [`open.${newUser()}`, `team.${newUser()}`];
    const page = await connected(newUser(), 'page', { permissions: { subscribe: [`topic:${allowed}`] } });
    for (const topic of [open, allowed]) {
      const messages = await listening(page, `/topic/${topic}`);
      await publish({ topic }, { hello: topic });
      expect(await messages.bodies(1)).toEqual([{ hello: topic }]);
    }
    const refused = page.error();
    listen(page, '/topic/closed');
    expect(await refused).toBe('forbidden');
  });

  it('publishes to a topic where its token allows it, and is refused where not', async () => {
    const topic = `team.${newUser()}`;
    const hearer = await connected(newUser(), 'page', { permissions: { subscribe: [`topic:${topic}`] } });
    const messages = await listening(hearer, `/topic/${topic}`);
    const sender = await connected(newUser(), 'page', { permissions: { publish: [`topic:${topic}`] } });
    sender.send(`/topic/${topic}`, '{"from":"a page"}', { type: 'note' });
    const message = await messages.next();
    expect([message.headers.type, JSON.parse(message.body)]).toEqual(['note', { from: 'a page' }]);
    const refused = sender.error();
    sender.send('/topic/another', '1');
    expect(await refused).toBe('forbidden');
    await hearer.leave();
  });

  it('hears everyone’s channel and what is sent to it', async () => {
    const page = await connected(newUser());
    const messages = await listening(page, '/topic/everyone');
    const user = newUser();
    await publish({ everyone: true }, user);
    expect(await messages.bodies(1)).toEqual([user]);
    await page.leave();
  });

  it('is not told what its own device caused', async () => {
    const user = newUser();
    const page = await connected(user, 'mine');
    const messages = await listening(page, '/user/queue/any');
    await publish({ user }, 'own', { excludeDeviceId: 'mine' });
    await publish({ user }, 'of another', { excludeDeviceId: 'yours' });
    expect(await messages.bodies(1)).toEqual(['of another']);
    await page.leave();
  });

  it('is refused with a bad token', async () => {
    const headers = { Authorization: 'nonsense', 'X-GD-UID': 'page' };
    await expect(library.connect({ url: stack.wsUrl, headers })).rejects.toThrow('bad_token');
  });

  it('is told when it is revoked', async () => {
    const user = newUser();
    const page = await connected(user);
    const revoked = page.error();
    await fetch(`${stack.httpUrl}/users/${user}/connections`, { method: 'DELETE' });
    expect(await revoked).toBe('revoked');
  });

  it('hears nothing once its token has expired, and is told so', async () => {
    const user = newUser();
    const page = await connected(user, 'page', { lifetimeSeconds: 2 });
    const heard: string[] = [];
    page.subscribe('/user/queue/any', ({ body }) => heard.push(body));
    let isOver = false;
    const expired = page.error().finally(() => {
      isOver = true;
    });
    for (let n = 1; !isOver; n++) {
      await publish({ user }, n);
      await Promise.race([expired, new Promise((resolve) => setTimeout(resolve, 100))]);
    }
    expect(await expired).toBe('token_expired');
    expect(heard.map(Number)).toEqual(upTo(heard.length));
  });

  it('begins where it stood when its network failed', async () => {
    const user = newUser();
    const messages = mailbox();
    const again = Promise.withResolvers<Page>();
    // rx-stomp subscribes again by itself.
    const subscribes = name !== 'rx-stomp';
    const page = await library.connect({
      url: stack.wsUrl,
      headers: headersOf(user, 'page'),
      onAgain(back) {
        if (subscribes) back.subscribe('/user/queue/any', messages.put, {});
        again.resolve(back);
      },
    });
    page.subscribe('/user/queue/any', messages.put, {});
    await publish({ user }, 1);
    expect(await messages.bodies(1)).toEqual([1]);
    await settled(user, 'page', 1);
    page.cut();
    await publish({ user }, 2);
    const back = library.reconnects ? page : await connected(user);
    if (!library.reconnects) back.subscribe('/user/queue/any', messages.put, {});
    await publish({ user }, 3);
    expect(await messages.bodies(2)).toEqual([2, 3]);
    await back.leave();
  });
});

/** Resolves when the server knows that the device has come so far. */
async function settled(user: string, device: string, seq: number): Promise<void> {
  const cursor = async () => {
    const response = await fetch(`${stack.httpUrl}/users/${user}/connections`);
    const { devices } = (await response.json()) as { devices: { deviceId: string; cursor: number }[] };
    return devices.find(({ deviceId }) => deviceId === device)?.cursor;
  };
  await expect.poll(cursor, { timeout: 30_000, interval: 50 }).toBe(seq);
}

describe('a socket that offers no sub-protocol', () => {
  it('is one of STOMP by its query', async () => {
    const socket = new WebSocket(`${stack.wsUrl}?protocol=stomp`);
    const heard = new Promise<string>((resolve) => socket.on('message', (text) => resolve(String(text))));
    await new Promise((resolve) => socket.on('open', resolve));
    socket.send(`CONNECT\naccept-version:1.2\ntoken:${issueToken(newUser(), SECRET)}\n\n\0`);
    expect(await heard).toMatch(/^CONNECTED\nversion:1.2\nheart-beat:0,360000\n/);
    socket.terminate();
  });
});

describe('a page that reconnects in its error callback', () => {
  it('ends in refused handshakes, however often it is told of each error', async () => {
    let opened = 0;
    let refused = 0;
    /** Resolves when it is over, with all that it begot. */
    const storm = (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(stack.wsUrl, ['v12.stomp']);
        let isOpen = false;
        socket.on('open', () => {
          isOpen = true;
          opened += 1;
          socket.send('CONNECT\naccept-version:1.2\ntoken:nonsense\n\n\0');
        });
        socket.on('error', () => {
          refused += 1;
        });
        // Two callbacks after an ERROR, as stompjs 2.3.3 has it; one where the handshake fails.
        socket.on('close', () => {
          if (isOpen) Promise.all([storm(), storm()]).then(resolve, reject);
          else resolve(undefined);
        });
      });
    await storm();
    expect(opened).toBeLessThanOrEqual(20);
    expect(refused).toBe(opened + 1);
  });
});

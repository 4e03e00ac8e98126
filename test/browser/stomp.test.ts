/** Clients of STOMP in a real browser, which offers sub-protocols, escapes nothing and closes what is not answered right. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { issueToken, readJwtSecret } from '../../local/cli/token.ts';
import { range, Stage } from './stage.ts';

const stage = new Stage(['--stomp', '--open-topics', '*']);

/** Where each library is as a script, and whether it is one of the `Client`s of `@stomp/stompjs`. */
const LIBRARIES = {
  'stompjs 7': { file: 'stompjs7/bundles/stomp.umd.js', isOld: false },
  'stompjs 6': { file: 'stompjs6/bundles/stomp.umd.js', isOld: false },
  'stompjs 5': { file: 'stompjs5/bundles/stomp.umd.js', isOld: false },
  'stompjs 2.3.3': { file: 'stompjs2/lib/stomp.js', isOld: true },
};

interface Connecting {
  url: string;
  headers: Record<string, string>;
  subscriptions: { destination: string; ack: string }[];
  /** Messages that are acknowledged: so many of the first. */
  acks: number;
}

/** What the functions below leave in the page. */
interface Heard {
  seqs: number[];
  errors: string[];
  leave(): void;
}

// biome-ignore lint/suspicious/noExplicitAny: a library as a script of its page, of whatever version
declare const StompJs: any, Stomp: any;

function connectModern({ url, headers, subscriptions, acks }: Connecting): void {
  const client = new StompJs.Client({ brokerURL: url, connectHeaders: headers, reconnectDelay: 0 });
  const heard: Heard = { seqs: [], errors: [], leave: () => client.deactivate() };
  Object.assign(globalThis, { heard });
  client.onConnect = () => {
    for (const { destination, ack } of subscriptions)
      client.subscribe(
        destination,
        (message: { headers: { seq: string }; ack(): void }) => {
          if (heard.seqs.push(Number(message.headers.seq)) <= acks) message.ack();
        },
        { ack },
      );
  };
  client.onStompError = (frame: { headers: { message: string } }) => heard.errors.push(frame.headers.message);
  client.activate();
}

function connectOld({ url, headers, subscriptions, acks }: Connecting): void {
  const client = Stomp.client(url);
  const heard: Heard = { seqs: [], errors: [], leave: () => client.disconnect() };
  Object.assign(globalThis, { heard });
  client.debug = null;
  const connected = () => {
    for (const { destination, ack } of subscriptions)
      client.subscribe(
        destination,
        (message: { headers: { seq: string }; ack(): void }) => {
          if (heard.seqs.push(Number(message.headers.seq)) <= acks) message.ack();
        },
        { ack },
      );
  };
  client.connect(headers, connected, (error: { headers?: { message: string } }) => {
    if (error.headers) heard.errors.push(error.headers.message);
  });
}

const heardIn = (page: Page): Promise<Heard> =>
  page.evaluate(() => {
    const { seqs, errors } = (globalThis as unknown as { heard: Heard }).heard;
    return { seqs, errors, leave: undefined as never };
  });

const seqsOnce = async (page: Page, count: number): Promise<number[]> => {
  await page.waitForFunction(
    (least) => (globalThis as unknown as { heard: Heard }).heard.seqs.length >= least,
    count,
  );
  return (await heardIn(page)).seqs;
};

describe.each(Object.entries(LIBRARIES))('%s in Chromium', (_name, { file, isOld }) => {
  async function connected(over: Partial<Connecting> & { user: string; token?: string }): Promise<Page> {
    const { user, token = issueToken(user, readJwtSecret()), ...more } = over;
    const browser = await stage.newBrowser({ bypassCSP: true });
    const page = await browser.newPage();
    await page.goto(`${stage.httpUrl}/console/settings`);
    await page.addScriptTag({ content: readFileSync(join('node_modules', file), 'utf8') });
    await page.evaluate(isOld ? connectOld : connectModern, {
      url: stage.wsUrl,
      headers: { Authorization: `Bearer ${token}`, 'X-GD-UID': 'page' },
      subscriptions: [{ destination: '/user/queue/any', ack: 'auto' }],
      acks: 0,
      ...more,
    });
    return page;
  }

  it('hears what it missed and what is new, once and in order', async () => {
    const user = stage.newUser();
    for (const n of range(1, 10)) await stage.publish(user, { n, text: '😀\n:' });
    const page = await connected({ user });
    expect(await seqsOnce(page, 10)).toEqual(range(1, 10));
    await Promise.all(range(11, 20).map((n) => stage.publish(user, { n })));
    expect(await seqsOnce(page, 20)).toEqual(range(1, 20));
  });

  it('has come again what it did not acknowledge', async () => {
    const user = stage.newUser();
    for (const n of range(1, 4)) await stage.publish(user, n);
    const subscriptions = [{ destination: '/user/queue/any', ack: 'client' }];
    const first = await connected({ user, subscriptions, acks: 2 });
    await seqsOnce(first, 4);
    await stage.acknowledged(user, 'page', 2);
    await first.close();
    expect(await seqsOnce(await connected({ user, subscriptions }), 2)).toEqual([3, 4]);
  });

  it('hears a topic, and is told why it is refused', async () => {
    const [user, topic] = [stage.newUser(), `topic-${stage.newUser()}`];
    const page = await connected({ user, subscriptions: [{ destination: `/topic/${topic}`, ack: 'auto' }] });
    await stage.heardBy(topic, 1);
    await stage.publishTo(topic, 3);
    expect(await seqsOnce(page, 3)).toEqual([1, 2, 3]);
    const refused = await connected({ user, token: 'nonsense' });
    await refused.waitForFunction(() => (globalThis as unknown as { heard: Heard }).heard.errors.length > 0);
    expect((await heardIn(refused)).errors).toEqual(['bad_token']);
  });
});

describe('the worked example: a page with stompjs 2.3.3 of which only the URL was changed', () => {
  it('is served by the local stack, and shows what was missed and what is new', async () => {
    const user = stage.newUser();
    await stage.publish(user, 'missed');
    const browser = await stage.newBrowser();
    const page = await browser.newPage();
    await page.goto(`${stage.httpUrl}/examples/stomp/index.html?${new URLSearchParams({ user })}`);
    await page.getByText('"missed"').waitFor();
    await stage.publish(user, 'live');
    await page.getByText('"live"').waitFor();
    expect(await page.locator('#messages li').allTextContents()).toEqual(['"missed"', '"live"']);
    expect(await page.locator('#status').textContent()).toBe('connected');
  });

  it('keeps its code where it made a SockJS: a class of that name stands in', async () => {
    const browser = await stage.newBrowser({ bypassCSP: true });
    const page = await browser.newPage();
    await page.goto(`${stage.httpUrl}/console/settings`);
    await page.addScriptTag({ content: readFileSync('node_modules/stompjs2/lib/stomp.js', 'utf8') });
    await page.addScriptTag({ content: standIn() });
    const user = stage.newUser();
    const version = await page.evaluate(
      (token) =>
        new Promise((resolve) => {
          // biome-ignore lint/suspicious/noExplicitAny: made by the script before
          const socket = new (globalThis as any).SockJS('/local?protocol=stomp');
          const client = Stomp.over(socket);
          client.debug = null;
          client.connect({ token }, (frame: { headers: { version: string } }) =>
            resolve(frame.headers.version),
          );
        }),
      issueToken(user, readJwtSecret()),
    );
    expect(version).toBe('1.1');
  });
});

/** As `docs/stomp.md` has it. */
function standIn(): string {
  const code = /```js\n(class SockJS[\s\S]*?)```/.exec(readFileSync('docs/stomp.md', 'utf8'))?.[1];
  if (code === undefined) throw new Error('docs/stomp.md has no stand-in');
  return `${code}\nglobalThis.SockJS = SockJS;`;
}

/** What a browser test stands on: a stack, Chromium, pages with a device each, and publishers. All of it goes after the tests of a file. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { extname, join } from 'node:path';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { userPath } from '../../lambdas/protocol/user-path.ts';
import { type SpawnedStack, spawnStack } from '../../local/cli/spawn.ts';
import { launchChromium } from './chromium.ts';
import type { Page as DevicePage, DeviceQuery } from './page/device.ts';

const ROOT = join(import.meta.dirname, '../..');
const DEADLINE_MS = 15_000;

/** Also for a frame whose origin is its own. */
const ANY_ORIGIN = { 'access-control-allow-origin': '*' };

interface Presence {
  connections: { deviceId: string }[];
  devices: { deviceId: string; cursor: number }[];
}

export class Stage {
  #stack: SpawnedStack | undefined;
  #browser: Browser | undefined;
  readonly #contexts: BrowserContext[] = [];

  /** `args`: of the stack. */
  constructor(args: string[] = [], { browser = true } = {}) {
    beforeAll(async () => {
      if (browser) this.#browser = await launchChromium();
      // A wire between the page and the stack has a port of its own.
      this.#stack = await spawnStack(['--quiet', '--allow-host', '127.0.0.1', ...args]);
    });
    afterEach(async () => {
      for (const context of this.#contexts.splice(0)) await context.close();
    });
    afterAll(async () => {
      await this.#browser?.close();
      await this.#stack?.stop();
    });
  }

  get httpUrl(): string {
    if (!this.#stack) throw new Error('the stack is not up yet');
    return this.#stack.httpUrl;
  }

  get wsUrl(): string {
    return `${this.httpUrl.replace('http', 'ws')}/local`;
  }

  newUser(): string {
    return `user-${randomUUID()}`;
  }

  /** A browser of its own: its pages are its tabs and share a storage. */
  async newBrowser(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    if (!this.#browser) throw new Error('the browser is not up yet');
    const context = await this.#browser.newContext(options);
    context.setDefaultTimeout(DEADLINE_MS);
    this.#contexts.push(context);
    // A document that the test answers counts as one of the public net, from where the way to this machine has to be allowed.
    await context.grantPermissions(['local-network-access']);
    await context.route('**/test/browser/page/*', async (route) => {
      const path = new URL(route.request().url()).pathname;
      const text = await readFile(join(ROOT, path), 'utf8');
      const isScript = extname(path) === '.ts';
      const contentType = isScript ? 'text/javascript' : 'text/html';
      const body = isScript ? stripTypeScriptTypes(text) : text;
      await route.fulfill({ contentType, body, headers: ANY_ORIGIN });
    });
    return context;
  }

  /** Lets frames of any origin load the client and get tokens. */
  async answerAnyOrigin(browser: BrowserContext): Promise<void> {
    await browser.route(/\/(client|lambdas|console)\//, async (route) => {
      const { pathname, search } = new URL(route.request().url());
      const answer = await fetch(`${this.httpUrl}${pathname}${search}`);
      const contentType = answer.headers.get('content-type') ?? '';
      await route.fulfill({ contentType, body: await answer.text(), headers: ANY_ORIGIN });
    });
  }

  async publish(userId: string, data: unknown = null, fromDevice?: string): Promise<number> {
    const response = await fetch(`${this.httpUrl}/notifications`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(fromDevice && { 'x-device-id': fromDevice }) },
      body: JSON.stringify({ to: { user: userId }, type: 'test', data }),
    });
    const { results } = (await response.json()) as { results?: { seq?: number }[] };
    const seq = results?.[0]?.seq;
    if (seq === undefined) throw new Error(`publish: ${response.status} ${JSON.stringify(results)}`);
    return seq;
  }

  async publishTo(topic: string, count: number): Promise<void> {
    for (let number = 1; number <= count; number++) {
      const response = await fetch(`${this.httpUrl}/notifications`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ to: { topic }, type: 'test' }),
      });
      expect(response.status).toBe(200);
    }
  }

  /** Resolves when so many connections hear the topic. */
  async heardBy(topic: string, count: number): Promise<void> {
    const connections = async () => {
      const response = await fetch(`${this.httpUrl}/topics/${topic}/connections`);
      return ((await response.json()) as { connections: unknown[] }).connections.length;
    };
    await expect.poll(connections, { timeout: DEADLINE_MS, interval: 50 }).toBe(count);
  }

  async publishMany(userId: string, count: number): Promise<void> {
    for (let number = 1; number <= count; number++) await this.publish(userId);
  }

  async connectionsOf(userId: string): Promise<{ deviceId: string }[]> {
    return (await this.#presence(userId)).connections;
  }

  async devicesOf(userId: string): Promise<{ deviceId: string }[]> {
    return (await this.#presence(userId)).devices;
  }

  /** Resolves when the server knows that the device has come so far. */
  async acknowledged(userId: string, deviceId: string, seq: number): Promise<void> {
    const cursor = async () => {
      const { devices } = await this.#presence(userId);
      return devices.find((device) => device.deviceId === deviceId)?.cursor;
    };
    await expect.poll(cursor, { timeout: DEADLINE_MS, interval: 50 }).toBe(seq);
  }

  /** The newest seq of the user's log. */
  async headOf(userId: string): Promise<number> {
    const response = await fetch(`${this.httpUrl}/users/${userPath(userId)}/messages?limit=1`);
    return ((await response.json()) as { head: number }).head;
  }

  async #presence(userId: string): Promise<Presence> {
    const response = await fetch(`${this.httpUrl}/users/${userPath(userId)}/connections`);
    return (await response.json()) as Presence;
  }
}

/** Opens a tab with a device and waits until it has caught up. `origin`: where the page finds the stack. */
export async function openDevice(browser: BrowserContext, origin: string, query: DeviceQuery): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(`${origin}/test/browser/page/device.html?${new URLSearchParams({ ...query })}`);
  await state(page, 'live');
  return page;
}

/** Resolves when the device in this tab is in this state. */
export async function state(page: Page, expected: string): Promise<void> {
  const isIt = (name: string) => (globalThis as unknown as DevicePage).herald?.status.state === name;
  await page.waitForFunction(isIt, expected);
}

/** Resolves when the tab is live, by its own connection or another tab's, after so many states before. */
export async function liveAgain(page: Page, before: number): Promise<void> {
  const isIt = (count: number) => {
    const { states } = globalThis as unknown as DevicePage;
    return states.length > count && states.at(-1) === 'live';
  };
  await page.waitForFunction(isIt, before);
}

/** What the tab has surfaced, in order, once it includes this seq. */
export async function seqsThrough(page: Page, last: number): Promise<number[]> {
  const hasCome = (seq: number) => (globalThis as unknown as DevicePage).seqs.includes(seq);
  await page.waitForFunction(hasCome, last);
  return await seqsOf(page);
}

/** What the tab has surfaced of a topic, once it includes this seq. */
export async function topicSeqsThrough(page: Page, topic: string, last: number): Promise<number[]> {
  const seqs = ([name, seq]: [string, number]) => {
    const surfaced = (globalThis as unknown as DevicePage).topicSeqs[name];
    return surfaced?.includes(seq) && surfaced;
  };
  const handle = await page.waitForFunction(seqs, [topic, last] as [string, number]);
  return (await handle.jsonValue()) as number[];
}

export const seqsOf = (page: Page): Promise<number[]> =>
  page.evaluate(() => (globalThis as unknown as DevicePage).seqs);

export const statesOf = (page: Page): Promise<string[]> =>
  page.evaluate(() => (globalThis as unknown as DevicePage).states);

export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** The console as a test sees it: by what things are called and what they show. */
import type { Locator, Page } from 'playwright-core';
import type { Stage } from './stage.ts';

export interface Viewport {
  width: number;
  height: number;
}

export interface Visit {
  page: Page;
  card(user: string, device: string): Card;
  /** What the browser asked for, and what it complained of. */
  requests: string[];
  complaints: string[];
}

/** One card, in the words of who looks at it. */
export interface Card {
  press(name: string): Promise<void>;
  /** Waits until one of its messages says so. */
  shows(seq: number, how: string | RegExp): Promise<void>;
  is(state: string): Promise<void>;
  number(name: string, value: string): Promise<void>;
  frames(): Promise<string[]>;
  /** Waits until one of its messages of the topic, or of everyone, says so. */
  hears(channel: string, seq: number, how: string | RegExp): Promise<void>;
  /** What it shows of it. */
  heard(channel: string): Locator;
}

/** Resolves when all devices are live. */
export async function openConsole(stage: Stage, viewport = { width: 1280, height: 900 }): Promise<Visit> {
  const browser = await stage.newBrowser({ viewport });
  const page = await browser.newPage();
  const [requests, complaints]: [string[], string[]] = [[], []];
  page.on('request', (request) => requests.push(request.url()));
  page.on('websocket', (socket) => requests.push(socket.url()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => message.type() !== 'info' && complaints.push(message.text()));
  await page.goto(`${stage.httpUrl}/`);
  const card = (user: string, device: string) =>
    cardOf(page.getByRole('region', { name: user, exact: true }).getByRole('article', { name: device }));
  const all = page.getByRole('article');
  for (const one of await all.all()) await cardOf(one).is('live');
  return { page, card, requests, complaints };
}

export function cardOf(article: Locator): Card {
  const heard = (channel: string) => article.getByRole('region', { name: `${channel} on ` });
  return {
    press: (name) => article.getByRole('button', { name }).click(),
    shows: (seq, how) =>
      article
        .getByRole('listitem')
        .filter({ hasText: new RegExp(`#${seq}(?!\\d)`) })
        .filter({ hasText: how })
        .waitFor(),
    hears: (channel, seq, how) =>
      heard(channel)
        .getByRole('listitem')
        .filter({ hasText: new RegExp(`#${seq}(?!\\d)`) })
        .filter({ hasText: how })
        .waitFor(),
    heard,
    is: (state) => article.getByText(state, { exact: true }).first().waitFor(),
    number: (name, value) =>
      article
        .locator('dl > div')
        .filter({ hasText: new RegExp(`^${name}${value}$`) })
        .waitFor(),
    async frames() {
      const details = article.locator('details');
      if ((await details.getAttribute('open')) === null) await details.locator('summary').click();
      return await details.locator('code').allTextContents();
    },
  };
}

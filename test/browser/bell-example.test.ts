/** `examples/bell`, built by Vite as it stands: its bell and its hooks in tabs and on devices, with React's checks for development and StrictMode. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { build, type PreviewServer, preview } from 'vite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleCode, ENTRIES } from '../../bin/client-code.ts';
import { violationsOf } from './axe.ts';
import { type Bell, bellIn } from './bell-page.ts';
import { Stage } from './stage.ts';

const ROOT = join(import.meta.dirname, '../..');
const EXAMPLE = join(ROOT, 'examples/bell');

const stage = new Stage();
const dist = mkdtempSync(join(tmpdir(), 'herald-bell-example-'));
/** Inside the repository, so that the hooks find its React. */
const packed = join(ROOT, 'node_modules/.cache', `herald-client-${process.pid}`);

/** As an app has them that has installed the package: packed, with short names. */
const PACKAGE = ENTRIES.map((entry) => ({
  find: new RegExp(`^herald-client${entry === 'index' ? '' : `/${entry}`}$`),
  replacement: join(packed, `${entry}.js`),
}));
let server: PreviewServer | undefined;

beforeAll(async () => {
  bundleCode(packed);
  Object.assign(process.env, { HERALD_URL: stage.httpUrl, VITE_HERALD_URL: stage.wsUrl });
  const shared = { root: EXAMPLE, configFile: join(EXAMPLE, 'vite.config.ts'), logLevel: 'warn' } as const;
  await build({
    ...shared,
    resolve: { alias: PACKAGE },
    define: { 'process.env.NODE_ENV': '"development"' },
    build: { outDir: dist, emptyOutDir: true },
  });
  server = await preview({ ...shared, build: { outDir: dist }, preview: { port: 0, host: '127.0.0.1' } });
});
afterAll(async () => {
  await server?.close();
  for (const folder of [dist, packed]) rmSync(folder, { recursive: true, force: true });
});

interface Tab {
  page: Page;
  bell: Bell;
  /** What the browser complained of. */
  complaints: string[];
}

async function openTab(browser: BrowserContext): Promise<Tab> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  await page.goto(server?.resolvedUrls?.local[0] ?? '');
  await page.getByText('live', { exact: true }).waitFor();
  return { page, bell: bellIn(page), complaints };
}

const press = ({ page }: Tab, name: string) => page.getByRole('button', { name, exact: true }).click();

/** The list of the page: what is new has a star. */
async function ordersOf({ page }: Tab): Promise<string[]> {
  const rows = page.getByRole('region', { name: 'Your orders' }).getByRole('listitem');
  const texts = await rows.allTextContents();
  return texts.map((text) => (text.endsWith('Seen') ? '* ' : '') + (/Order \d+/.exec(text)?.[0] ?? text));
}

/** Waits until the page, the bell and the title of all tabs say that of so many messages these are new. */
async function showEverywhere(tabs: Tab[], count: number, fresh: number[]): Promise<void> {
  const isNew = Array.from({ length: count }, (_, at) => fresh.includes(at));
  for (const tab of tabs) {
    await tab.bell.counts(fresh.length);
    const flags = async () => (await ordersOf(tab)).map((order) => order.startsWith('*'));
    await expect.poll(flags, { timeout: 15_000, interval: 50 }).toEqual(isNew);
    expect(await tab.page.title()).toBe(fresh.length > 0 ? `(${fresh.length}) Orders` : 'Orders');
  }
}

it('shows the same in two tabs and on a second device, and a mark made on any', async () => {
  const [laptop, phone] = [await stage.newBrowser(), await stage.newBrowser()];
  const tabs = [await openTab(laptop), await openTab(laptop), await openTab(phone)] as const;
  for (const tab of tabs) await press(tab, 'Order something');
  await showEverywhere([...tabs], 3, [0, 1, 2]);
  expect(new Set(await Promise.all(tabs.map(async (tab) => (await ordersOf(tab)).join()))).size).toBe(1);

  await tabs[0].page.getByRole('button', { name: 'Seen', exact: true }).nth(1).click();
  await showEverywhere([...tabs], 3, [0, 2]);
  await tabs[2].bell.open();
  await tabs[2].bell.panel.getByRole('link').last().click();
  await tabs[2].page.waitForURL(/#order-\d+$/);
  await showEverywhere([...tabs], 3, [0]);
  await tabs[1].page.getByRole('button', { name: 'Keep as new' }).first().click();
  await showEverywhere([...tabs], 3, [0, 1]);
  await press(tabs[1], 'I have seen them all');
  await showEverywhere([...tabs], 3, []);

  // StrictMode connects twice, and closes one.
  await expect.poll(async () => (await stage.connectionsOf('alice')).length).toBe(2);
  expect(tabs.flatMap(({ complaints }) => complaints)).toEqual([]);
});

it('has the newest 20 and the right count in a fresh browser, and older ones on demand', async () => {
  for (let order = 1; order <= 23; order++) await stage.publish('bob', { text: `Order ${order}` });
  const browser = await stage.newBrowser();
  await browser.addInitScript("localStorage.setItem('user', 'bob')");
  const tab = await openTab(browser);
  const all = Array.from({ length: 23 }, (_, at) => at);
  await tab.bell.counts(23);
  expect(await ordersOf(tab)).toHaveLength(20);
  await press(tab, 'Older orders');
  await showEverywhere([tab], 23, all);
});

it('shows who signs in his own, in his tab alone', async () => {
  const browser = await stage.newBrowser();
  const [hers, his] = [await openTab(browser), await openTab(browser)];
  await press(hers, 'Order something');
  await hers.bell.counts(1);
  await his.page.getByRole('combobox', { name: 'Signed in as' }).selectOption('bob');
  await his.bell.counts(23);
  await press(hers, 'Order something');
  await hers.bell.counts(2);
  await his.bell.counts(23);
  expect([...hers.complaints, ...his.complaints]).toEqual([]);
});

it('reads the news while it wants to, and has what it missed when it reads them again', async () => {
  const browser = await stage.newBrowser();
  const tab = await openTab(browser);
  const news = tab.page.getByRole('region', { name: 'News' }).getByRole('listitem');
  const count = (number: number) => expect.poll(() => news.count(), { timeout: 15_000 }).toBe(number);
  await press(tab, 'Read the news');
  await stage.heardBy('news', 1);
  await press(tab, 'Publish the time');
  await count(1);
  await press(tab, 'Leave the news');
  await stage.heardBy('news', 0);
  await press(tab, 'Publish the time');
  await press(tab, 'Read the news');
  await count(2);
  expect(tab.complaints).toEqual([]);
});

it('keeps nobody out: axe-core finds nothing, in light and dark', async () => {
  const tab = await openTab(await stage.newBrowser());
  for (const colorScheme of ['light', 'dark'] as const) {
    await tab.page.emulateMedia({ colorScheme });
    expect(await violationsOf(tab.page)).toEqual([]);
  }
});

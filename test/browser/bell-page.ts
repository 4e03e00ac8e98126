/** A bell as a test sees it: by what things are called and what they show. */
import type { BrowserContext, Locator, Page } from 'playwright-core';
import type { DeviceQuery } from './page/device.ts';
import { state } from './stage.ts';

export interface Bell {
  page: Page;
  /** What opens and closes the list. */
  button: Locator;
  /** The list with all that is around it. */
  panel: Locator;
  items: Locator;
  item(text: string): Locator;
  /** Waits until the count is that. */
  counts(unread: number): Promise<void>;
  open(): Promise<void>;
  press(name: string | RegExp): Promise<void>;
  /** What its messages show, newest first, with a dot before those that are unread. */
  shown(): Promise<string[]>;
  /** What the focused element is called, wherever in the page it is. */
  focused(): Promise<string>;
}

/** Within `scope`: the first bell of it. */
export function bellIn(page: Page, scope: Page | Locator = page): Bell {
  const bell = scope.locator('herald-bell').first();
  const button = bell.getByRole('button', { name: /^Notifications: / });
  const panel = bell.getByRole('dialog', { name: 'Notifications' });
  const items = panel.getByRole('listitem');
  return {
    page,
    button,
    panel,
    items,
    item: (text) => items.filter({ hasText: text }),
    counts: (unread) => bell.getByRole('button', { name: countOf(unread), exact: true }).waitFor(),
    open: async () => {
      await button.click();
      await panel.waitFor();
    },
    press: (name) => panel.getByRole('button', { name }).click(),
    shown: async () => {
      const rows = await items.locator('[part="open"]').allTextContents();
      return rows.map((row) => /(?<dot>Unread: )?(?<title>\S+ \d+)/.exec(row)?.groups ?? {}).map(worded);
    },
    focused: async () => {
      // Of an element in a shadow tree the host counts as focused too.
      const element = page.locator(':focus').last();
      return (await element.getAttribute('aria-label')) ?? (await element.textContent()) ?? '';
    },
  };
}

const countOf = (unread: number): string => `Notifications: ${unread || 'none'} unread`;

const worded = ({ dot, title }: Record<string, string>): string => `${dot ? '• ' : ''}${title}`;

/** Opens a page with a bell, and waits until its device has caught up. */
export async function openBell(browser: BrowserContext, origin: string, query: DeviceQuery): Promise<Bell> {
  const page = await browser.newPage();
  const search = new URLSearchParams({ ...query, inbox: 'yes' });
  await page.goto(`${origin}/test/browser/page/bell.html?${search}`);
  await state(page, 'live');
  return bellIn(page);
}

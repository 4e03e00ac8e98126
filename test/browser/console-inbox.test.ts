/** The bells of the console, and what can be done to a user: on a stack that tells the application who comes and goes. */
import type { Locator, Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { violationsOf } from './axe.ts';
import { bellIn } from './bell-page.ts';
import { openConsole } from './console-page.ts';
import { Stage } from './stage.ts';

const stage = new Stage(['--events']);

const userOf = (page: Page, name: string): Locator => page.getByRole('region', { name, exact: true });

const bellOf = (page: Page, user: string, device: string) =>
  bellIn(page, userOf(page, user).getByRole('article', { name: device }));

it('what is read on one device is read on the other, and what is withdrawn goes from both', async () => {
  const { page, card, complaints } = await openConsole(stage);
  const [phone, tablet] = [bellOf(page, 'Alice', 'phone'), bellOf(page, 'Alice', 'tablet')];
  for (let seq = 1; seq <= 3; seq++) await stage.publish('alice', { text: `Message ${seq}` });
  for (const bell of [phone, tablet]) await bell.counts(3);

  await phone.open();
  await phone.press('Mark as read: Message 2');
  for (const bell of [phone, tablet]) await bell.counts(2);
  await page.keyboard.press('Escape');

  await userOf(page, 'Alice').getByRole('button', { name: 'Withdraw #3 of Alice' }).click();
  await page.getByRole('status').filter({ hasText: '#3 of Alice is withdrawn' }).waitFor();
  for (const bell of [phone, tablet]) await bell.counts(1);
  await tablet.open();
  expect(await tablet.shown()).toEqual(['Message 2', '• Message 1']);
  await expect.poll(card('Alice', 'phone').frames).toContainEqual(expect.stringContaining('"withdrawn"'));
  await card('Alice', 'phone').number('Behind', '0');
  expect(await userOf(page, 'Bob').getByRole('button', { name: 'Withdraw of Bob' }).isVisible()).toBe(true);
  expect(complaints).toEqual([]);
});

it('shows the events that the stack puts on its bus, and keeps nobody out: axe-core finds nothing, in light and dark', async () => {
  const { page, card } = await openConsole(stage);
  await card('Bob', 'phone').press('Disconnect');
  await page
    .getByRole('list', { name: 'Events out' })
    .getByRole('listitem')
    .filter({ hasText: /^Connection Closed.*bob-phone/ })
    .waitFor();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await violationsOf(page), colorScheme).toEqual([]);
  }
});

it('erases a user: the devices are closed, and begin anew when they connect', async () => {
  const { page, card, complaints } = await openConsole(stage);
  await stage.publish('bob', { text: 'Message 1' });
  await bellOf(page, 'Bob', 'phone').counts(1);
  page.once('dialog', (dialog) => void dialog.accept());
  await userOf(page, 'Bob').getByRole('button', { name: 'Erase Bob' }).click();
  for (const device of ['laptop', 'phone']) await card('Bob', device).is('revoked');
  await page.getByRole('status').filter({ hasText: 'rows of Bob are erased, and nothing is left' }).waitFor();
  expect(await stage.headOf('bob')).toBe(0);

  await card('Bob', 'phone').press('Connect');
  await bellOf(page, 'Bob', 'phone').counts(0);
  await stage.publish('bob', { text: 'Message 2' });
  await card('Bob', 'phone').shows(1, 'live');
  await bellOf(page, 'Bob', 'phone').counts(1);
  expect(complaints).toEqual([]);
});

/** Topics, members and everyone in the console. Two subscribers are served before the answer, the others by the fan-out. */
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { openConsole } from './console-page.ts';
import { Stage } from './stage.ts';

const stage = new Stage(['--fan-out-page', '2', '--open-topics', 'open.*']);

const DEVICES = [
  ['Alice', 'laptop'],
  ['Alice', 'phone'],
  ['Alice', 'tablet'],
  ['Bob', 'laptop'],
  ['Bob', 'phone'],
] as const;

async function show(page: Page, topic: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Topic' }).fill(topic);
  await page.keyboard.press('Enter');
  await page.getByText(`log topic:${topic}, head`).waitFor();
}

const listed = (page: Page, list: string, text: string | RegExp) =>
  page.getByRole('list', { name: list }).getByRole('listitem').filter({ hasText: text }).waitFor();

it('a topic is heard by who joined it, live and after an absence, and not by who left', async () => {
  const { page, card, complaints } = await openConsole(stage);
  const [laptop, phone] = [card('Alice', 'laptop'), card('Bob', 'phone')];
  for (const one of [laptop, phone]) await one.press('Join news');
  await listed(page, 'Who hears it now', /^Alice: alice-laptop$/);
  await listed(page, 'Who hears it now', /^Bob: bob-phone$/);

  await laptop.press('Send from laptop to news');
  await phone.hears('news', 1, /live .* ms/);
  await laptop.hears('news', 1, 'silent');
  expect(await card('Alice', 'tablet').heard('news').count()).toBe(0);

  await phone.press('Go offline');
  await laptop.press('Send from laptop to news');
  await laptop.hears('news', 2, 'silent');
  await phone.press('Come back');
  await phone.hears('news', 2, 'replayed');

  await phone.press('Leave news');
  await expect.poll(() => phone.heard('news').count()).toBe(0);
  await expect
    .poll(() => page.getByRole('list', { name: 'Who hears it now' }).textContent())
    .not.toMatch(/Bob/);
  await laptop.press('Send from laptop to news');
  await laptop.hears('news', 3, 'silent');
  await phone.press('Join news');
  await phone.hears('news', 3, 'replayed');
  expect(complaints).toEqual([]);
});

it('a topic that was joined is heard after a reload', async () => {
  const { page, card } = await openConsole(stage);
  const phone = card('Alice', 'phone');
  await show(page, 'news.sport');
  await phone.press('Join news.sport');
  await listed(page, 'Who hears it now', 'alice-phone');
  await page.reload();
  await phone.heard('news.sport').waitFor();
  await show(page, 'news.sport');
  await listed(page, 'Who hears it now', 'alice-phone');
  await card('Bob', 'laptop').press('Send from laptop to news.sport');
  await phone.hears('news.sport', 1, 'live');
});

it('a member hears the topic on each device without asking, and nothing after the removal', async () => {
  const { page, card } = await openConsole(stage);
  const devices = [card('Bob', 'laptop'), card('Bob', 'phone')];
  const send = () => card('Alice', 'laptop').press('Send from laptop to team.7');
  const status = (text: string) => page.getByRole('status').filter({ hasText: text }).waitFor();
  await show(page, 'team.7');
  await page.getByRole('button', { name: 'Add Bob to team.7' }).click();
  await listed(page, 'Members', /^Bob/);
  for (const one of devices) await one.heard('team.7').getByText('as a member').waitFor();
  await send();
  for (const one of devices) await one.hears('team.7', 1, 'live');

  await page.getByRole('button', { name: 'Remove Bob from team.7' }).click();
  await listed(page, 'Members', 'None');
  await send();
  await status('is #2 of team.7: posted to 0 connections');
  for (const one of devices) {
    await expect.poll(() => one.heard('team.7').count()).toBe(0);
    expect((await one.frames()).filter((frame) => frame.includes('"seq":2'))).toEqual([]);
  }
  await listed(page, 'Who hears it now', 'Nobody');
});

it('any user may be a member, and the keyboard is enough', async () => {
  const { page } = await openConsole(stage);
  await show(page, 'team.8');
  const user = page.getByRole('textbox', { name: 'User' });
  await user.fill('müller/7');
  await user.press('Enter');
  await listed(page, 'Members', 'Müller/7');
  await page.getByRole('button', { name: 'Add Alice to team.8' }).focus();
  await page.keyboard.press('Enter');
  await listed(page, 'Members', 'Alice');
  const focused = () => page.locator(':focus').getAttribute('aria-label', { timeout: 1000 });
  await expect.poll(() => focused().catch(() => null)).toBe('Remove Alice from team.8');
});

it('says at the field what is no topic and no user', async () => {
  const { page } = await openConsole(stage);
  const [topic, user] = [
    page.getByRole('textbox', { name: 'Topic' }),
    page.getByRole('textbox', { name: 'User' }),
  ];
  await topic.fill('two words');
  await topic.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'Topic: expected 1 to 128 characters' }).waitFor();
  await user.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'User: expected 1 to 256 bytes' }).waitFor();
  for (const field of [topic, user]) expect(await field.getAttribute('aria-invalid')).toBe('true');
});

it('says why a token does not let a device join; an open topic it lets', async () => {
  const { page, card } = await openConsole(stage);
  const phone = card('Alice', 'phone');
  await show(page, 'team.9');
  await phone.press('Join team.9');
  await page.getByText('The token does not allow team.9. Make the user a member').waitFor();
  await show(page, 'open.house');
  await phone.press('Join open.house');
  await phone.heard('open.house').getByText('joined').waitFor();
  await listed(page, 'Who hears it now', 'alice-phone');
});

it('a message to everyone reaches every device, the first at once and the others by the queue', async () => {
  const { page, card } = await openConsole(stage);
  await page.getByRole('button', { name: 'Send to everyone', exact: true }).click();
  await page
    .getByRole('status')
    .filter({ hasText: /is #1 of everyone: .*by the fan-out/ })
    .waitFor();
  for (const [user, device] of DEVICES.slice(1)) await card(user, device).hears('everyone', 1, /live .* ms/);
  await card('Alice', 'laptop').hears('everyone', 1, 'silent');

  const live = page.getByRole('list', { name: 'Live' }).getByRole('listitem');
  const steps = [/Connections2 before the answer/, /fan-out.*about \d+ queued.*ran [\d.]+ ms/];
  for (const step of [...steps, /Devices.*4, the last .* ms/]) await live.filter({ hasText: step }).waitFor();
});

it('shows that nothing is left for the fan-out where few hear it', async () => {
  const { page, card } = await openConsole(stage);
  await card('Bob', 'laptop').press('Send from laptop to Bob');
  await card('Bob', 'phone').shows(1, 'live');
  const live = page.getByRole('list', { name: 'Live' }).getByRole('listitem');
  await live.filter({ hasText: 'none left for it' }).waitFor();
});

it.each([320, 390, 768])('fits a screen %d wide with topics of long names', async (width) => {
  const { page, card } = await openConsole(stage, { width, height: 800 });
  const topic = `news.${'long'.repeat(20)}`;
  await show(page, topic);
  await card('Alice', 'phone').press(`Join ${topic}`);
  await card('Alice', 'phone').heard(topic).waitFor();
  await listed(page, 'Who hears it now', 'alice-phone');
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
});

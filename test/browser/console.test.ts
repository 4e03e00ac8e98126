/** The console as a newcomer uses it: by what things are called and what they show. The tests share the logs of Alice and Bob. */
import { expect, it } from 'vitest';
import { cardOf, openConsole, type Viewport } from './console-page.ts';
import { Stage } from './stage.ts';

const stage = new Stage();

const visit = (viewport?: Viewport) => openConsole(stage, viewport);

it('tells its story: live, the silent origin, queued while away, replayed in order', async () => {
  const { page, card } = await visit();
  const [laptop, phone, tablet] = [card('Alice', 'laptop'), card('Alice', 'phone'), card('Alice', 'tablet')];
  const chapter = (name: RegExp) => page.getByRole('button', { name }).click();

  await chapter(/Send from Alice/);
  await phone.shows(1, /live .* ms/);
  await tablet.shows(1, /live .* ms/);
  await laptop.shows(1, 'silent');

  await chapter(/Cut off her phone/);
  await phone.is('offline');
  await tablet.shows(4, 'live');
  await phone.number('Behind', '3');
  await laptop.shows(4, 'silent');

  await chapter(/Bring the phone back/);
  for (const seq of [2, 3, 4]) await phone.shows(seq, 'replayed');
  await phone.is('live');
  await page.getByRole('status').filter({ hasText: 'phone came back and got 3' }).waitFor();
  await phone.number('Cursor', '4');
  await phone.number('Acked', '4');
  expect(await card('Bob', 'phone').frames()).not.toContainEqual(expect.stringContaining('"message"'));
});

it('shows the path with the times that were measured', async () => {
  const { page, card } = await visit();
  await card('Bob', 'phone').press('Send from phone to Bob');
  await card('Bob', 'laptop').shows(1, 'live');

  const live = page.getByRole('list', { name: 'Live' }).getByRole('listitem');
  const steps = [/sends.*answered in [\d.]+ ms/, /notify.*ran [\d.]+ ms/, /seq 1/, /1 posted, 1 left out/];
  for (const step of [...steps, /Devices.*laptop [\d.]+ ms/, /message.*ran [\d.]+ ms/]) {
    await live.filter({ hasText: step }).waitFor();
  }
  const back = page.getByRole('list', { name: 'Coming back' }).getByRole('listitem');
  for (const step of [
    /ready in [\d.]+ ms/,
    /authorizer.*ran/,
    /connect.*ran/,
    /reconcile.*ran/,
    /0 replayed/,
  ]) {
    await back.filter({ hasText: step }).waitFor();
  }
});

it('shows a gap and how a sync closes it', async () => {
  const { card } = await visit();
  const phone = card('Alice', 'phone');
  const frames = await phone.frames();
  expect(frames.join()).toContain('"event":"ready"');
  const lost = (await headOf('alice')) + 1;
  await phone.press('Lose the next live message');
  await card('Bob', 'laptop').press('Send from laptop to Alice');
  await card('Alice', 'tablet').shows(lost, 'live');
  await card('Bob', 'laptop').press('Send from laptop to Alice');

  await phone.shows(lost, 'replayed');
  await phone.shows(lost + 1, 'live');
  await phone.number('Gap', 'none');
  expect((await phone.frames()).join()).toContain('"action":"sync"');
});

it('keeps what a device had after a reload', async () => {
  const { page, card } = await visit();
  const head = (await headOf('alice')) + 1;
  await card('Bob', 'laptop').press('Send from laptop to Alice');
  await card('Alice', 'phone').shows(head, 'live');
  await card('Alice', 'phone').number('Acked', String(head));

  await page.reload();

  await card('Alice', 'phone').is('live');
  await card('Alice', 'phone').number('Cursor', String(head));
  await card('Alice', 'phone').number('Behind', '0');
});

it('disconnects a device, which tells the server, and connects it again', async () => {
  const { card } = await visit();
  const phone = card('Bob', 'phone');
  await phone.press('Disconnect');
  await phone.is('disconnected');
  await expect.poll(async () => (await stage.connectionsOf('bob')).length).toBe(1);
  const missed = (await headOf('bob')) + 1;
  await card('Alice', 'laptop').press('Send from laptop to Bob');
  await card('Bob', 'laptop').shows(missed, 'live');
  await phone.press('Connect');
  await phone.shows(missed, 'replayed');
});

it('needs the keyboard only, and every control has a name', async () => {
  const { page, card } = await visit();
  await page.keyboard.press('Tab');
  expect(await page.locator(':focus').textContent()).toContain('Send from Alice');
  const before = await headOf('alice');
  await page.keyboard.press('Enter');
  await card('Alice', 'phone').shows(before + 1, 'live');
  const tree = await page.locator('body').ariaSnapshot();
  expect(tree).toMatch(/- button "/);
  expect(tree).not.toMatch(/- (button|textbox|combobox|article|region|list)( \[.*\])?:?$/m);
});

it('asks nobody but its own origin, and the browser has nothing to complain of', async () => {
  const { requests, complaints, card } = await visit();
  const seq = (await headOf('alice')) + 1;
  await card('Bob', 'laptop').press('Send from laptop to Alice');
  await card('Alice', 'phone').shows(seq, 'live');
  const origins = new Set(requests.map((url) => new URL(url).host));
  expect([...origins]).toEqual([new URL(stage.httpUrl).host]);
  expect(complaints).toEqual([]);
});

it('a second tab has devices of its own, and throws out none of the first', async () => {
  const { page, card } = await visit();
  const other = await page.context().newPage();
  await other.goto(`${stage.httpUrl}/`);
  for (const article of await other.getByRole('article').all()) await cardOf(article).is('live');
  await other.getByRole('listitem').filter({ hasText: 'open in another tab' }).waitFor();
  const seq = (await headOf('alice')) + 1;
  await other.getByRole('button', { name: /Send from Alice/ }).click();
  await card('Alice', 'laptop').shows(seq, 'live');
  for (const article of await page.getByRole('article').all()) await cardOf(article).is('live');
});

it('tells what the stack refuses at the field, and the focus stays', async () => {
  const { page, complaints } = await visit();
  const type = page.getByRole('textbox', { name: 'Type' });
  await type.fill('not a type');
  await type.press('Enter');
  await page.getByRole('alert').filter({ hasText: 'Type: expected 1 to 128 characters' }).waitFor();
  expect(await type.getAttribute('aria-invalid')).toBe('true');
  expect(await page.locator(':focus').getAttribute('id')).toBe('type');

  await type.fill('chat.message');
  await type.press('Enter');
  await expect.poll(() => type.getAttribute('aria-invalid')).toBe(null);
  expect(complaints).toEqual([expect.stringContaining('400')]); // the browser's own line about the answer
});

it('Enter sends what is typed, be it data that is no text', async () => {
  const { page, card, complaints } = await visit();
  const seq = (await headOf('bob')) + 1;
  await page.getByRole('textbox', { name: 'Message' }).fill('{"text":{"toString":1}}');
  await page.getByRole('combobox', { name: 'To' }).selectOption('Bob');
  await page.getByRole('textbox', { name: 'Message' }).press('Enter');
  await card('Bob', 'phone').shows(seq, '{"text":{"toString":1}}');
  expect(complaints).toEqual([]);
});

it('says why a device is closed and what to do', async () => {
  const { page, card } = await visit();
  await fetch(`${stage.httpUrl}/users/bob/connections`, { method: 'DELETE' });
  await card('Bob', 'phone').is('revoked');
  await page.getByText('An operator cut it off. Connect opens it again.').first().waitFor();
  await card('Bob', 'phone').press('Connect');
  await card('Bob', 'phone').is('live');
});

it('shows a long log as runs that fit', async () => {
  await stage.publishMany('bob', 30);
  const { page } = await visit({ width: 390, height: 800 });
  const strip = page.getByRole('list', { name: 'What phone has of the log' }).last();
  const head = await headOf('bob');
  await expect.poll(() => strip.textContent(), { timeout: 10_000 }).toMatch(new RegExp(`–${head}$`));
  const fits =
    '[...document.querySelectorAll(".strip li")].every((one) => one.scrollWidth <= one.clientWidth)';
  expect(await page.evaluate(fits)).toBe(true);
});

it.each([320, 390, 768])('fits a screen %d wide without scrolling sideways', async (width) => {
  const { page } = await visit({ width, height: 800 });
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
});

const headOf = (userId: string): Promise<number> => stage.headOf(userId);

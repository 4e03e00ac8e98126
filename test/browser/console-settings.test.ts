/** The console on stacks with settings that restrict it: it works, or says why not. */
import { expect, it } from 'vitest';
import { Stage } from './stage.ts';

const restricted = new Stage(['--allowed-origins', 'https://app.example', '--closed-types']);
const foreign = new Stage(['--jwks-url', 'https://id.example/jwks.json', '--issuer', 'https://id.example']);
const small = new Stage(['--no-everyone', '--max-subscriptions', '1']);

async function open(stage: Stage) {
  const page = await (await stage.newBrowser()).newPage();
  await page.goto(`${stage.httpUrl}/`);
  return page;
}

it('connects although only the pages of an app may, and tells that a type is not listed', async () => {
  const page = await open(restricted);
  for (const card of await page.getByRole('article').all())
    await card.getByText('live', { exact: true }).first().waitFor();
  await page.getByRole('listitem').filter({ hasText: 'takes only the types of' }).waitFor();
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page
    .getByRole('alert')
    .filter({ hasText: /^Type: / })
    .waitFor();
});

it('says why no device can connect where tokens come from elsewhere', async () => {
  const page = await open(foreign);
  await page
    .getByRole('listitem')
    .filter({ hasText: 'takes the tokens of https://id.example only' })
    .waitFor();
  const phone = page.getByRole('article', { name: 'phone' }).first();
  await phone.getByText('Tokens come from https://id.example: none can be made here').waitFor();
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.getByRole('status').filter({ hasText: 'is #1 of Alice' }).waitFor();
  expect(await page.getByRole('alert').count()).toBe(0);
});

it('says that nothing can be sent to everyone, and what a connection may not subscribe to any more', async () => {
  const page = await open(small);
  await page.getByRole('listitem').filter({ hasText: 'has no channel of everyone' }).waitFor();
  const broadcast = page.getByRole('button', { name: 'Send to everyone' });
  expect(await broadcast.getAttribute('aria-disabled')).toBe('true');
  const phone = page.getByRole('article', { name: 'phone' }).first();
  await phone.getByText('live', { exact: true }).first().waitFor();
  await phone.getByRole('button', { name: 'Join news' }).click();
  await page.getByRole('list', { name: 'Who hears it now' }).getByText('alice-phone').waitFor();

  await page.getByRole('textbox', { name: 'Topic' }).fill('news.sport');
  await page.keyboard.press('Enter');
  await phone.getByRole('button', { name: 'Join news.sport' }).click();
  await phone.getByText('as many subscriptions as the stack allows (--max-subscriptions)').waitFor();
});

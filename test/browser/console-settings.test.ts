/** The console on stacks with settings that restrict it: it works, or says why not. */
import { expect, it } from 'vitest';
import { Stage } from './stage.ts';

const restricted = new Stage(['--allowed-origins', 'https://app.example', '--closed-types']);
const foreign = new Stage(['--jwks-url', 'https://id.example/jwks.json', '--issuer', 'https://id.example']);

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

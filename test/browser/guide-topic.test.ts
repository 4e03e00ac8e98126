/** The guide's topic on a page: its lines, put into the console where the guide says, hear what its `curl` publishes. */
import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { block, CLAIMS, ROOT } from '../docs/blocks.ts';
import { Stage } from './stage.ts';

const stage = new Stage(['--open-topics', 'news']);

const TOPIC_PAGE = CLAIMS.javascript.find((claim) => claim.includes("deviceId: 'kiosk'")) ?? '';
const DEVICE = 'local/console/page/device.ts';

/** The last three lines of the snippet stand behind the handler of `message`. */
async function deviceWithTopic(): Promise<string> {
  const lines = block(TOPIC_PAGE).trim().split('\n').slice(-3);
  const source = (await readFile(join(ROOT, DEVICE), 'utf8')).split('\n');
  const handler = source.findIndex((line) => line.includes("herald.on('message'"));
  expect(handler).toBeGreaterThan(0);
  return source.toSpliced(handler + 1, 0, ...lines).join('\n');
}

async function publish(to: unknown): Promise<void> {
  const response = await fetch(`${stage.httpUrl}/notifications`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ to, type: 'news', data: { text: 'Hello' } }),
  });
  expect(response.status).toBe(200);
}

it('the lines of the guide hear the topic and everyone on the console’s page', async () => {
  const browser = await stage.newBrowser();
  const body = stripTypeScriptTypes(await deviceWithTopic());
  await browser.route('**/console/device.ts', (route) =>
    route.fulfill({ contentType: 'text/javascript', body }),
  );
  const page = await browser.newPage();
  const told: string[] = [];
  page.on('console', (message) => told.push(message.text()));
  await page.goto(`${stage.httpUrl}/`);
  await stage.heardBy('news', 5);

  await publish({ topic: 'news' });
  await publish({ everyone: true });

  const count = (line: string) => told.filter((one) => one === line).length;
  await expect.poll(() => count('news 1 {text: Hello}'), { timeout: 15_000 }).toBe(5);
  await expect.poll(() => count('everyone {text: Hello}'), { timeout: 15_000 }).toBe(5);
});

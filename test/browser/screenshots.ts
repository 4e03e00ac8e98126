/** Takes the pictures of the console in docs/, after its story: `node test/browser/screenshots.ts`. */
import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { spawnStack } from '../../local/cli/spawn.ts';
import { launchChromium } from './chromium.ts';

const DOCS = join(import.meta.dirname, '../../docs');

const PICTURES: Record<string, BrowserContextOptions> = {
  'console.png': { viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
  'console-dark.png': { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
  'console-phone.png': {
    viewport: { width: 390, height: 844 },
    colorScheme: 'light',
    deviceScaleFactor: 2,
    isMobile: true,
  },
};

async function playStory(page: Page): Promise<void> {
  const card = (user: string, device: string) =>
    page.getByRole('region', { name: user, exact: true }).getByRole('article', { name: device });
  const chapter = (name: RegExp) => page.getByRole('button', { name }).click();
  const [phone, tablet] = [card('Alice', 'phone'), card('Alice', 'tablet')];
  for (const one of await page.getByRole('article').all())
    await one.getByText('live', { exact: true }).waitFor();

  await chapter(/Send from Alice/);
  await tablet.getByText('#1', { exact: true }).waitFor();
  await chapter(/Cut off her phone/);
  await tablet.getByText('#4', { exact: true }).waitFor();
  await chapter(/Bring the phone back/);
  await phone.getByText('#4', { exact: true }).waitFor();
  await card('Bob', 'laptop').getByRole('button', { name: 'Send from laptop to Alice' }).click();
  await phone.getByText('#5', { exact: true }).waitFor();
}

const browser = await launchChromium();
try {
  for (const [file, options] of Object.entries(PICTURES)) {
    const stack = await spawnStack(['--quiet']);
    const page = await browser.newPage(options);
    await page.goto(`${stack.httpUrl}/`);
    await playStory(page);
    await page.evaluate('scrollTo(0, 0)');
    await page.screenshot({ path: join(DOCS, file), fullPage: !options.isMobile });
    await page.close();
    await stack.stop();
  }
} finally {
  await browser.close();
}

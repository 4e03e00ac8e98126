/** `<herald-bell>`: the same list and count wherever its user is, for the mouse, the keyboard and a screen reader. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { violationsOf } from './axe.ts';
import { type Bell, openBell } from './bell-page.ts';
import { layoutFaults } from './layout.ts';
import { range, Stage, state } from './stage.ts';
import { stretchWire, type Wire } from './wire.ts';

const stage = new Stage();
let wire: Wire | undefined;
const theWire = (): Wire => {
  if (!wire) throw new Error('there is no wire yet');
  return wire;
};

beforeAll(async () => {
  wire = await stretchWire(stage.httpUrl);
});
afterAll(() => wire?.stop());

/** Messages `Message 1` and so on, and a user who has them. */
async function aUserWith(count: number): Promise<string> {
  const user = stage.newUser();
  for (const number of range(1, count)) await stage.publish(user, { text: `Message ${number}` });
  return user;
}

const shows = (bell: Bell, expected: string[]) =>
  expect.poll(bell.shown, { timeout: 15_000, interval: 50 }).toEqual(expected);

const unread = (from: number, to: number) =>
  range(from, to)
    .map((number) => `• Message ${number}`)
    .reverse();

describe('the list and the count', () => {
  it('are right at once in a fresh browser: the newest 20, and more when asked', async () => {
    const user = await aUserWith(23);
    const bell = await openBell(await stage.newBrowser(), stage.httpUrl, { user });
    await bell.counts(23);
    await bell.open();
    await shows(bell, unread(4, 23));

    await bell.press('Load older');

    await shows(bell, unread(1, 23));
    expect(await bell.focused()).toContain('Message 3');
    expect(await bell.panel.getByRole('button', { name: 'Load older' }).isVisible()).toBe(false);
  });

  it('are the same in two tabs and on a second device, and follow a mark made on any', async () => {
    const user = await aUserWith(3);
    const [laptop, phone] = [await stage.newBrowser(), await stage.newBrowser()];
    const query = { user, storage: 'local' } as const;
    const bells = [
      await openBell(laptop, stage.httpUrl, query),
      await openBell(laptop, stage.httpUrl, query),
      await openBell(phone, stage.httpUrl, query),
    ] as const;
    const all = async (count: number, expected: string[]) => {
      for (const bell of bells) {
        await bell.counts(count);
        await shows(bell, expected);
      }
    };
    for (const bell of bells) await bell.open();
    await all(3, unread(1, 3));

    await bells[0].press('Mark as read: Message 2');
    await all(2, ['• Message 3', 'Message 2', '• Message 1']);
    await bells[2].press('Mark as read: Message 3');
    await all(1, ['Message 3', 'Message 2', '• Message 1']);
    await bells[1].press('Mark as unread: Message 2');
    await all(2, ['Message 3', '• Message 2', '• Message 1']);
    await stage.publish(user, { text: 'Message 4' });
    await all(3, ['• Message 4', 'Message 3', '• Message 2', '• Message 1']);
    await bells[1].press('Mark all as read');
    await all(0, ['Message 4', 'Message 3', 'Message 2', 'Message 1']);
    await fetch(`${stage.httpUrl}/users/${user}/messages/3`, { method: 'DELETE' });
    await all(0, ['Message 4', 'Message 2', 'Message 1']);
  });

  it('show a mark that is made offline, and tell it when the device is back after an hour', async () => {
    const user = await aUserWith(3);
    const [laptop, phone] = [await stage.newBrowser(), await stage.newBrowser()];
    const timing = JSON.stringify({ probeTimeoutMs: 300 });
    await laptop.clock.install();
    const away = await openBell(laptop, theWire().httpUrl, { user, storage: 'local', timing });
    const other = await openBell(phone, stage.httpUrl, { user });
    await away.counts(3);
    theWire().cut();
    await laptop.setOffline(true);
    await state(away.page, 'waiting');

    await away.open();
    await away.press('Mark as read: Message 2');
    await away.counts(2);
    await stage.publish(user, { text: 'Message 4' });
    await other.counts(4);
    await laptop.clock.fastForward('01:00:00');
    theWire().mend();
    await laptop.setOffline(false);

    for (const bell of [away, other]) await bell.counts(3);
    await other.open();
    for (const bell of [away, other])
      await shows(bell, ['• Message 4', '• Message 3', 'Message 2', '• Message 1']);
  });
});

describe('the keyboard alone', () => {
  it('opens the list, goes through it, marks, comes back, and leaves it closed behind', async () => {
    const user = await aUserWith(3);
    const bell = await openBell(await stage.newBrowser(), stage.httpUrl, { user });
    const { keyboard } = bell.page;
    await bell.counts(3);
    await keyboard.press('Tab');
    await keyboard.press('Tab');
    expect(await bell.focused()).toBe('Notifications: 3 unread');

    await keyboard.press('Enter');
    await bell.panel.waitFor();
    expect(await bell.button.getAttribute('aria-expanded')).toBe('true');
    for (const [key, text] of [
      ['ArrowDown', 'Message 3'],
      ['ArrowDown', 'Message 2'],
      ['End', 'Message 1'],
      ['ArrowDown', 'Message 1'],
      ['ArrowUp', 'Message 2'],
      ['Home', 'Message 3'],
    ] as const) {
      await keyboard.press(key);
      expect(await bell.focused()).toContain(text);
    }
    await keyboard.press('Enter');
    await bell.counts(2);
    await keyboard.press('Tab');
    expect(await bell.focused()).toBe('Mark as unread: Message 3');
    await keyboard.press('Space');
    await bell.counts(3);
    expect(await bell.focused()).toBe('Mark as read: Message 3');

    await keyboard.press('Escape');
    await bell.panel.waitFor({ state: 'hidden' });
    expect(await bell.focused()).toBe('Notifications: 3 unread');
    expect(await bell.button.getAttribute('aria-expanded')).toBe('false');

    await keyboard.press('Space');
    await bell.panel.waitFor();
    await keyboard.press('End');
    for (const _stop of ['mark', 'after']) await keyboard.press('Tab');
    await bell.panel.waitFor({ state: 'hidden' });
    expect(await bell.focused()).toBe('After');
  });

  it('keeps the focus while messages come and go', async () => {
    const user = await aUserWith(3);
    const bell = await openBell(await stage.newBrowser(), stage.httpUrl, { user });
    await bell.counts(3);
    await bell.open();
    await bell.page.keyboard.press('ArrowDown');
    await bell.page.keyboard.press('ArrowDown');
    await stage.publish(user, { text: 'Message 4' });
    await bell.counts(4);
    expect(await bell.focused()).toContain('Message 2');

    await fetch(`${stage.httpUrl}/users/${user}/messages/2`, { method: 'DELETE' });
    await bell.counts(3);
    expect(await bell.focused()).toContain('Message 1');
  });
});

describe('a screen reader', () => {
  it('hears what the bell is, how many are unread, and each message with its state', async () => {
    const user = await aUserWith(2);
    const bell = await openBell(await stage.newBrowser(), stage.httpUrl, { user });
    await bell.counts(2);
    await bell.open();
    await bell.press('Mark as read: Message 1');
    await bell.page.getByRole('status').filter({ hasText: 'Notifications: 1 unread' }).waitFor();
    expect(await bell.panel.ariaSnapshot()).toMatch(
      /dialog "Notifications".*heading "Notifications".*button "Mark all as read".*list:.*button "Unread: Message 2.*button "Mark as read: Message 2".*button "Message 1.*button "Mark as unread: Message 1"/s,
    );
  });

  it('axe-core finds nothing, in light and dark, closed and open', async () => {
    const user = await aUserWith(22);
    const bell = await openBell(await stage.newBrowser(), stage.httpUrl, { user });
    await bell.counts(22);
    for (const isOpen of [false, true]) {
      if (isOpen) {
        await bell.open();
        await bell.press('Mark as read: Message 22');
        await bell.counts(21);
      }
      for (const colorScheme of ['light', 'dark'] as const) {
        await bell.page.emulateMedia({ colorScheme });
        expect(await violationsOf(bell.page), `${colorScheme}, open: ${isOpen}`).toEqual([]);
      }
    }
  });
});

/** 1280 pixels at 200 %, a phone, and letters twice as large. */
const ZOOMED = [
  { width: 640, height: 400, letters: '100%' },
  { width: 320, height: 500, letters: '100%' },
  { width: 640, height: 800, letters: '200%' },
];

it('in a page that is zoomed nothing is cut off or overlaps', async () => {
  const user = await aUserWith(2);
  await stage.publish(user, { title: 'Message 3', text: `A long word: ${'long'.repeat(40)}` });
  const bell = await openBell(await stage.newBrowser(), stage.httpUrl, { user });
  await bell.counts(3);
  await bell.open();
  await shows(bell, unread(1, 3));
  for (const { letters, ...size } of ZOOMED) {
    await bell.page.setViewportSize(size);
    await bell.page.evaluate(`document.documentElement.style.fontSize = '${letters}'`);
    const faults = await layoutFaults(bell.page, bell.panel, 'h2, button, button > span, time');
    expect(faults, `${size.width} by ${size.height}`).toEqual([]);
  }
});

describe('what a message shows', () => {
  it('is text, whatever it looks like, and a link only if it leads to a page', async () => {
    const user = stage.newUser();
    const [image, script] = ['<img src=x onerror="hacked=1">', '<script>hacked=1</script>'];
    await stage.publish(user, { title: image, text: script });
    await stage.publish(user, { title: 'Runs a script', href: 'javascript:hacked=1' });
    await stage.publish(user, { title: 'Leads to a page', href: '#elsewhere' });
    const bell = await openBell(await stage.newBrowser(), stage.httpUrl, { user });
    await bell.page.evaluate(`document.querySelector('herald-bell').describe = ({ data }) => data`);
    await bell.counts(3);
    await bell.open();
    expect(await bell.item(image).textContent()).toContain(script);
    expect(await bell.panel.getByRole('link').allTextContents()).toEqual([
      expect.stringContaining('Leads to a page'),
    ]);
    await bell.press(/^Unread: Runs a script/);
    await bell.panel.getByRole('link').click();
    await bell.page.waitForURL(/#elsewhere$/);
    await bell.panel.waitFor({ state: 'hidden' });
    await bell.counts(1);
    expect(await bell.page.evaluate('globalThis.hacked')).toBe(undefined);
  });

  it('is in the page’s words, and a click tells the page', async () => {
    const user = stage.newUser();
    await stage.publish(user, { orderId: 7 });
    const bell = await openBell(await stage.newBrowser({ locale: 'en' }), stage.httpUrl, { user });
    await bell.counts(1);
    await bell.page.evaluate(`
      const bell = document.querySelector('herald-bell');
      bell.labels = { title: 'Mitteilungen', unreadCount: (unread) => unread + ' ungelesen' };
      bell.describe = ({ data }) => ({ title: 'Bestellung ' + data.orderId });
      document.documentElement.lang = 'de';
      document.addEventListener('herald-open', (event) => {
        globalThis.opened = event.detail.data.orderId;
        event.preventDefault();
      });
    `);
    await bell.page.getByRole('button', { name: '1 ungelesen' }).click();
    await bell.page.getByRole('dialog', { name: 'Mitteilungen' }).getByText('Bestellung 7').click();
    await bell.page.getByRole('button', { name: '0 ungelesen' }).waitFor();
    expect(await bell.page.evaluate('globalThis.opened')).toBe(7);
    await bell.page.getByRole('dialog').waitFor({ state: 'hidden' });
  });
});

interface Styles {
  colourOf(part: string, name: string): string;
}

it('takes its colours from the page’s style sheet', async () => {
  const user = await aUserWith(1);
  const bell = await openBell(await stage.newBrowser({ colorScheme: 'dark' }), stage.httpUrl, { user });
  const style =
    'herald-bell { --herald-bell-badge: rgb(1, 2, 3) } herald-bell::part(badge) { color: rgb(4, 5, 6) }';
  await bell.page.evaluate(`
    globalThis.colourOf = (part, name) =>
      getComputedStyle(document.querySelector('herald-bell').shadowRoot.querySelector('[part="' + part + '"]'))[name];
  `);
  await bell.page.addStyleTag({ content: `${style} .light { color-scheme: light }` });
  await bell.counts(1);
  await bell.open();
  const colour = (part: string, name: string) =>
    bell.page.evaluate(([part, name]) => (globalThis as unknown as Styles).colourOf(part, name), [
      part,
      name,
    ] as const);
  expect(await colour('badge', 'backgroundColor')).toBe('rgb(1, 2, 3)');
  expect(await colour('badge', 'color')).toBe('rgb(4, 5, 6)');
  const dark = await colour('panel', 'backgroundColor');
  await bell.page.evaluate(`document.querySelector('herald-bell').className = 'light'`);
  expect(await colour('panel', 'backgroundColor')).toBe('rgb(255, 255, 255)');
  expect(dark).not.toBe('rgb(255, 255, 255)');
});

it('takes an inbox that it was given before it was defined, and listens only while it is in the page', async () => {
  const user = await aUserWith(1);
  const browser = await stage.newBrowser();
  const page = await browser.newPage();
  await page.goto(`${stage.httpUrl}/test/browser/page/device.html?user=${user}&inbox=yes&deviceId=phone`);
  await state(page, 'live');
  await page.evaluate(`
    globalThis.bell = document.createElement('herald-bell');
    bell.inbox = herald.inbox;
    globalThis.listening = 0;
    const on = herald.inbox.on.bind(herald.inbox);
    herald.inbox.on = (...args) => (listening++, ((stop) => () => (listening--, stop()))(on(...args)));
    document.body.append(bell);
    import('/client/bell.ts');
  `);
  const listening = () => page.evaluate('listening');
  await page.getByRole('button', { name: 'Notifications: 1 unread' }).waitFor();
  expect(await listening()).toBe(1);
  await page.evaluate('bell.remove()');
  expect(await listening()).toBe(0);
  await page.evaluate('document.body.append(bell)');
  expect(await listening()).toBe(1);
});

/** What fails in real browsers: a tab of several, a platform that lacks or denies something, a storage that does not keep. */
import type { BrowserContext, Frame, Page, Worker } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Page as DevicePage, DeviceQuery } from './page/device.ts';
import { liveAgain, openDevice, range, Stage, seqsOf, seqsThrough, state, statesOf } from './stage.ts';
import { stretchWire, type Wire } from './wire.ts';

const stage = new Stage();
let wire: Wire | undefined;
/** The stack under whatever name the page has. */
const theWire = (): Wire => {
  if (!wire) throw new Error('there is no wire yet');
  return wire;
};

beforeAll(async () => {
  wire = await stretchWire(stage.httpUrl, { asOwnPage: true });
});
afterAll(() => wire?.stop());

/** Sets what the page of a device reads. */
const signIn = (page: Page, user: string | null) =>
  page.evaluate((as) => {
    (globalThis as unknown as DevicePage).signedInAs = as;
  }, user);

/** The connection of the leading tab breaks, and another one is possible at once. */
async function breakConnections(): Promise<void> {
  theWire().cut();
  theWire().mend();
}

const twoTabs = async (browser: BrowserContext, query: DeviceQuery): Promise<[Page, Page]> => [
  await openDevice(browser, theWire().httpUrl, query),
  await openDevice(browser, theWire().httpUrl, query),
];

describe('of two tabs', () => {
  it('the leading one stands behind an alert(): the other takes over, and both have all in the end', async () => {
    const user = stage.newUser();
    const [leader, other] = await twoTabs(await stage.newBrowser(), { user, storage: 'local' });
    await stage.publish(user);
    await seqsThrough(other, 1);

    const shown = new Promise<void>((resolve) => {
      leader.once('dialog', async (dialog) => {
        resolve();
        await stage.publishMany(user, 2);
        await seqsThrough(other, 3);
        await dialog.dismiss();
      });
    });
    await leader.evaluate("void setTimeout(() => alert('a word'), 0)");
    await shown;

    expect(await seqsThrough(leader, 3)).toEqual(range(1, 3));
    expect(await seqsOf(other)).toEqual(range(1, 3));
    await stage.publish(user);
    expect(await seqsThrough(leader, 4)).toEqual(range(1, 4));
    expect(await seqsThrough(other, 4)).toEqual(range(1, 4));
    expect(await stage.connectionsOf(user)).toHaveLength(1);
  });

  it('the leading one gets no token any more: the other connects for both', async () => {
    const user = stage.newUser();
    const [leader, other] = await twoTabs(await stage.newBrowser(), { user, storage: 'local' });
    await signIn(leader, null);
    await breakConnections();
    await stage.publish(user);

    expect(await seqsThrough(other, 1)).toEqual([1]);
    expect(await seqsThrough(leader, 1)).toEqual([1]);
    await state(leader, 'live');
  });

  it('the old one becomes the new one’s user: both are that user’s, on one connection', async () => {
    const [alice, bob] = [stage.newUser(), stage.newUser()];
    const browser = await stage.newBrowser();
    const old = await openDevice(browser, theWire().httpUrl, { user: alice, storage: 'local' });
    const fresh = await openDevice(browser, theWire().httpUrl, { user: bob, storage: 'local' });
    await signIn(old, bob);
    const before = (await statesOf(old)).length;
    await breakConnections();
    // A tab that comes later begins where the device stands.
    await liveAgain(old, before);
    await stage.publish(bob);

    expect(await seqsThrough(fresh, 1)).toEqual([1]);
    expect(await seqsThrough(old, 1)).toEqual([1]);
    expect(await stage.connectionsOf(bob)).toHaveLength(1);
  });
});

describe('plain http, without locks', () => {
  it('has one device however often the page is loaded, and one connection however many tabs there are', async () => {
    const user = stage.newUser();
    const browser = await stage.newBrowser();
    const url = theWire().httpUrl.replace('127.0.0.1', 'app.test');
    const page = await openDevice(browser, url, { user, storage: 'local' });
    expect(await page.evaluate('isSecureContext')).toBe(false);
    for (let load = 0; load < 4; load++) {
      await page.reload();
      await state(page, 'live');
    }
    const other = await openDevice(browser, url, { user, storage: 'local' });
    await stage.publish(user);

    expect(await seqsThrough(page, 1)).toEqual([1]);
    expect(await seqsThrough(other, 1)).toEqual([1]);
    expect(await stage.connectionsOf(user)).toHaveLength(1);
    expect(await stage.devicesOf(user)).toHaveLength(1);

    await page.close();
    await stage.publish(user);
    expect(await seqsThrough(other, 2)).toEqual([1, 2]);
  });
});

describe('a worker', () => {
  it('shares the connection of the tabs', async () => {
    const user = stage.newUser();
    const browser = await stage.newBrowser();
    const query = { user, deviceId: 'laptop' };
    const page = await openDevice(browser, theWire().httpUrl, query);
    const host = await browser.newPage();
    const starts = host.waitForEvent('worker');
    await host.goto(pageUrl('worker.html', query));
    const worker = await starts;
    await has(worker, 'live');
    await stage.publish(user);

    expect(await seqsThrough(page, 1)).toEqual([1]);
    await expect.poll(() => read(worker).then(({ seqs }) => seqs)).toEqual([1]);
    expect(await stage.connectionsOf(user)).toHaveLength(1);
  });
});

describe('a sandboxed frame', () => {
  it.each([{}, { storage: 'throws' }] as const)(
    'connects as the device it is told to be: %j',
    async (given) => {
      const user = stage.newUser();
      const browser = await stage.newBrowser();
      await stage.answerAnyOrigin(browser);
      const page = await browser.newPage();
      await page.goto(pageUrl('frame.html', { user, deviceId: 'laptop', ...given }));
      await expect.poll(() => page.frames().length).toBe(2);
      const frame = page.frames()[1] as Frame;
      await has(frame, 'live');
      await stage.publish(user);

      await expect.poll(() => read(frame).then(({ seqs }) => seqs)).toEqual([1]);
      expect((await stage.connectionsOf(user)).map(({ deviceId }) => deviceId)).toEqual(['laptop']);
    },
  );
});

describe('a storage', () => {
  it.each(['full', 'throws', 'hangs'] as const)('that %s is told, and nothing is lost', async (storage) => {
    const user = stage.newUser();
    const timing = JSON.stringify({ ackBatch: 1 });
    const page = await openDevice(await stage.newBrowser(), theWire().httpUrl, { user, storage, timing });
    await stage.publishMany(user, 2);

    expect(await seqsThrough(page, 2)).toEqual([1, 2]);
    const { errors, deviceId } = await page.evaluate(() => {
      const { errors, herald } = globalThis as unknown as DevicePage;
      return { errors, deviceId: herald.deviceId };
    });
    expect(new Set(errors)).toEqual(new Set(['storage']));
    await stage.acknowledged(user, deviceId ?? '', 2);
  });
});

describe('a token that no handshake can carry', () => {
  it.each(['newline\n', '"quotes"', 'padding=='])('is quoted nowhere: %j', async (token) => {
    const page = await (await stage.newBrowser()).newPage();
    await page.goto(pageUrl('device.html', { user: stage.newUser(), token }));
    await state(page, 'waiting');
    const { errors, texts } = await page.evaluate(() => {
      const { errors, texts } = globalThis as unknown as DevicePage;
      return { errors, texts };
    });
    expect(errors).toContain('token');
    expect(texts.join()).not.toContain(token.slice(0, 6));
  });
});

const pageUrl = (file: string, query: DeviceQuery): string =>
  `${theWire().httpUrl}/test/browser/page/${file}?${new URLSearchParams({ ...query })}`;

const read = (place: Pick<Worker, 'evaluate'>): Promise<{ seqs: number[]; state: string | undefined }> =>
  place.evaluate(() => {
    const { seqs = [], herald } = globalThis as unknown as Partial<DevicePage>;
    return { seqs, state: herald?.status.state };
  });

const has = (place: Pick<Worker, 'evaluate'>, expected: string): Promise<void> =>
  expect.poll(() => read(place).then((found) => found.state), { timeout: 15_000 }).toBe(expected);

/** A browser that loses its network, without anyone being told, and comes back. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDevice, range, Stage, seqsThrough, state } from './stage.ts';
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

it('finds out that the connection is dead, and has all it missed once it is back', async () => {
  const user = stage.newUser();
  const browser = await stage.newBrowser();
  const timing = JSON.stringify({ probeTimeoutMs: 300 });
  const page = await openDevice(browser, theWire().httpUrl, { user, deviceId: 'phone', timing });
  await stage.publishMany(user, 3);
  await seqsThrough(page, 3);

  theWire().cut();
  await browser.setOffline(true);
  await state(page, 'waiting');
  await stage.publishMany(user, 10);
  theWire().mend();
  await browser.setOffline(false);

  expect(await seqsThrough(page, 13)).toEqual(range(1, 13));
  await state(page, 'live');
  expect(await stage.connectionsOf(user)).toHaveLength(1);
});

it('goes through many short breaks while messages flow', async () => {
  const user = stage.newUser();
  const browser = await stage.newBrowser();
  const timing = JSON.stringify({ probeTimeoutMs: 200, backoffBaseMs: 50 });
  const page = await openDevice(browser, theWire().httpUrl, { user, deviceId: 'phone', timing });

  const publishing = stage.publishMany(user, 300);
  for (const seq of [10, 100, 200]) {
    await seqsThrough(page, seq);
    await state(page, 'live');
    theWire().cut();
    await browser.setOffline(true);
    await state(page, 'waiting');
    theWire().mend();
    await browser.setOffline(false);
  }
  await publishing;

  expect(await seqsThrough(page, 300)).toEqual(range(1, 300));
});

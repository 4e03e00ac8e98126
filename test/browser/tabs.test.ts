/** The tabs of one browser are one device: one connection, one cursor, and each tab sees every message. */
import { expect, it } from 'vitest';
import { openDevice, range, Stage, seqsThrough } from './stage.ts';

const stage = new Stage();

it('two tabs share one connection, and both see each message once and in order', async () => {
  const user = stage.newUser();
  const browser = await stage.newBrowser();
  const query = { user, storage: 'local' } as const;
  const first = await openDevice(browser, stage.httpUrl, query);
  const second = await openDevice(browser, stage.httpUrl, query);

  await stage.publishMany(user, 5);

  expect(await seqsThrough(first, 5)).toEqual(range(1, 5));
  expect(await seqsThrough(second, 5)).toEqual(range(1, 5));
  expect(await stage.connectionsOf(user)).toHaveLength(1);
});

it('when the tab with the connection is closed, another takes over: none lost, none doubled', async () => {
  const user = stage.newUser();
  const browser = await stage.newBrowser();
  const query = { user, storage: 'local' } as const;
  const leader = await openDevice(browser, stage.httpUrl, query);
  const others = [
    await openDevice(browser, stage.httpUrl, query),
    await openDevice(browser, stage.httpUrl, query),
  ];

  const publishing = stage.publishMany(user, 60);
  await seqsThrough(leader, 15);
  await leader.close();
  await publishing;

  for (const other of others) expect(await seqsThrough(other, 60)).toEqual(range(1, 60));
  expect(await stage.connectionsOf(user)).toHaveLength(1);
});

it('a tab that comes later begins where the device stands', async () => {
  const user = stage.newUser();
  const browser = await stage.newBrowser();
  const query = { user, storage: 'local' } as const;
  const first = await openDevice(browser, stage.httpUrl, query);
  await stage.publishMany(user, 3);
  await seqsThrough(first, 3);

  const second = await openDevice(browser, stage.httpUrl, query);
  await stage.publish(user);

  expect(await seqsThrough(second, 4)).toEqual([4]);
});

/** A page that is left and opened again, with a storage and without. */
import { expect, it } from 'vitest';
import { openDevice, range, Stage, seqsThrough, state } from './stage.ts';

const stage = new Stage();

it('with a storage is the same device and goes on where it stood', async () => {
  const user = stage.newUser();
  const page = await openDevice(await stage.newBrowser(), stage.httpUrl, { user, storage: 'local' });
  await stage.publishMany(user, 3);
  await seqsThrough(page, 3);

  await page.goto('about:blank');
  await stage.publishMany(user, 2);
  await page.goBack();

  expect(await seqsThrough(page, 5)).toEqual([4, 5]);
  expect(await stage.connectionsOf(user)).toHaveLength(1);
});

it('does not surface again what the server was not yet told of', async () => {
  const user = stage.newUser();
  const query = { user, storage: 'local' } as const;
  const page = await openDevice(await stage.newBrowser(), stage.httpUrl, query);
  await stage.publishMany(user, 3);
  await seqsThrough(page, 3);

  await page.reload();
  await state(page, 'live');
  await stage.publish(user);

  expect(await seqsThrough(page, 4)).toEqual([4]);
});

it('without a storage but with a device id goes on where the server says it stood', async () => {
  const user = stage.newUser();
  const page = await openDevice(await stage.newBrowser(), stage.httpUrl, { user, deviceId: 'phone' });
  await stage.publishMany(user, 3);
  await seqsThrough(page, 3);

  // Acks that wait for a ping leave with the page.
  await page.goto('about:blank');
  await stage.acknowledged(user, 'phone', 3);
  await stage.publishMany(user, 2);
  await page.goBack();

  expect(await seqsThrough(page, 5)).toEqual([4, 5]);
});

it('with neither is a new device, which begins where the user’s most advanced one stands', async () => {
  const user = stage.newUser();
  const timing = JSON.stringify({ ackBatch: 1 });
  const page = await openDevice(await stage.newBrowser(), stage.httpUrl, { user, timing });
  await stage.publishMany(user, 3);
  expect(await seqsThrough(page, 3)).toEqual(range(1, 3));
  const [{ deviceId = '' } = {}] = await stage.connectionsOf(user);
  await stage.acknowledged(user, deviceId, 3);

  await page.reload();
  await state(page, 'live');
  await stage.publish(user);

  expect(await seqsThrough(page, 4)).toEqual([4]);
});

/** A connection that grows too old is replaced while messages flow, as every two hours on AWS, here every second. */
import { setInterval as ticks } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { openDevice, range, Stage, seqsThrough, statesOf } from './stage.ts';

const stage = new Stage(['--max-connection-seconds', '3']);

const PER_SECOND = 50;
const SECONDS = 6;

it('loses none, doubles none and is never without a connection at 50 messages a second', async () => {
  const user = stage.newUser();
  const browser = await stage.newBrowser();
  const timing = JSON.stringify({ handoverAfterMs: 1000 });
  const handovers: string[] = [];
  browser.on('page', (page) => {
    page.on('websocket', (socket) => socket.url().includes('handover=1') && handovers.push(socket.url()));
  });
  const page = await openDevice(browser, stage.httpUrl, { user, deviceId: 'phone', timing });

  const count = PER_SECOND * SECONDS;
  await publishEvenly(user, count);

  expect(await seqsThrough(page, count)).toEqual(range(1, count));
  expect(handovers.length).toBeGreaterThanOrEqual(SECONDS - 2);
  const states = await statesOf(page);
  expect(states.slice(states.indexOf('live'))).not.toContain('waiting');
});

/** One is published every 20 ms, whether the one before is answered or not. */
async function publishEvenly(user: string, count: number): Promise<void> {
  const underWay: Promise<number>[] = [];
  for await (const _ of ticks(1000 / PER_SECOND)) {
    underWay.push(stage.publish(user));
    if (underWay.length === count) break;
  }
  const seqs = await Promise.all(underWay);
  expect(seqs.sort((one, other) => one - other)).toEqual(range(1, count));
}

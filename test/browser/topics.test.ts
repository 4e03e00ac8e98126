/** The tabs of one browser share its topics: one subscription, and each tab that listens sees every message. */
import { expect, it } from 'vitest';
import { openDevice, range, Stage, topicSeqsThrough } from './stage.ts';

const stage = new Stage(['--open-topics', '*']);

const aTopic = () => `topic-${stage.newUser()}`;

it('two tabs share a topic: one connection hears it, and both see each message once and in order', async () => {
  const topic = aTopic();
  const browser = await stage.newBrowser();
  const query = { user: stage.newUser(), storage: 'local', topics: topic } as const;
  const first = await openDevice(browser, stage.httpUrl, query);
  const second = await openDevice(browser, stage.httpUrl, query);
  await stage.heardBy(topic, 1);

  await stage.publishTo(topic, 5);

  expect(await topicSeqsThrough(first, topic, 5)).toEqual(range(1, 5));
  expect(await topicSeqsThrough(second, topic, 5)).toEqual(range(1, 5));
});

it('when the tab with the connection is closed, another takes over: none lost, none doubled', async () => {
  const topic = aTopic();
  const browser = await stage.newBrowser();
  const query = { user: stage.newUser(), storage: 'local', topics: topic } as const;
  const leader = await openDevice(browser, stage.httpUrl, query);
  const others = [
    await openDevice(browser, stage.httpUrl, query),
    await openDevice(browser, stage.httpUrl, query),
  ];
  await stage.heardBy(topic, 1);

  const publishing = stage.publishTo(topic, 60);
  await topicSeqsThrough(leader, topic, 15);
  await leader.close();
  await publishing;

  for (const other of others) expect(await topicSeqsThrough(other, topic, 60)).toEqual(range(1, 60));
});

it('a topic that only a tab without the connection listens to is heard, also after the leader is gone', async () => {
  const topic = aTopic();
  const browser = await stage.newBrowser();
  const query = { user: stage.newUser(), storage: 'local' } as const;
  const leader = await openDevice(browser, stage.httpUrl, query);
  const other = await openDevice(browser, stage.httpUrl, { ...query, topics: topic });
  await stage.heardBy(topic, 1);

  await stage.publishTo(topic, 3);
  expect(await topicSeqsThrough(other, topic, 3)).toEqual(range(1, 3));
  await leader.close();
  await stage.publishTo(topic, 3);

  expect(await topicSeqsThrough(other, topic, 6)).toEqual(range(1, 6));
});

/** Topics, everyone, publishing and messages to the application, against a model of the server in virtual time. */
import { describe, expect, it } from 'vitest';
import type { HeraldError, Topic } from '../../client/types.ts';
import { aWorld, type Tab, type TabOptions, upTo, type World } from './world.ts';

const NEWS = 'topic:news';
const MINUTE_MS = 60_000;
const env = { hasTabs: true };

/** The seqs that a topic surfaces. */
function seqsOf(topic: Topic): number[] {
  const seqs: number[] = [];
  topic.on('message', ({ seq }) => void seqs.push(seq));
  return seqs;
}

const news = (tab: Tab): Topic => tab.session.topic('news');

function publish(world: World, count: number, channel = NEWS): void {
  for (let one = 0; one < count; one++) world.server.publishTo(world.server.logOf(channel));
}

async function openTabs(world: World, ...options: TabOptions[]): Promise<Tab[]> {
  const tabs: Tab[] = [];
  for (const option of options) {
    tabs.push(world.open({ env, ...option }));
    await world.time.pass(1000);
  }
  return tabs;
}

const cursorIn = (world: World, channel = NEWS) =>
  world.server.cursorOf('laptop', world.server.logOf(channel));

describe('a topic', () => {
  it('is subscribed to when it is first listened to, before or after the connection is there', async () => {
    const world = aWorld();
    const tab = world.open();
    const early = seqsOf(news(tab));
    await world.live(tab);
    const topic = tab.session.topic('other');
    await world.time.pass(100);
    expect(world.server.heardOf('subscribe').map(({ channel }) => channel)).toEqual([NEWS]);
    const late = seqsOf(topic);
    await world.time.pass(100);
    publish(world, 3);
    publish(world, 2, 'topic:other');
    await world.time.pass(1000);
    expect([early, late, tab.seen, topic.cursor?.seq]).toEqual([upTo(3), upTo(2), [], 2]);
    expect([cursorIn(world), cursorIn(world, 'topic:other')]).toEqual([3, 2]);
  });

  it('is subscribed to again after a reconnect, from its own position, and misses nothing', async () => {
    const world = aWorld();
    const tab = world.open();
    const seqs = seqsOf(news(tab));
    await world.live(tab);
    await world.time.pass(100);
    publish(world, 5);
    await world.time.pass(1000);
    world.server.cut();
    publish(world, 60);
    await world.time.until(() => seqs.length === 65, 'what was missed');
    expect(seqs).toEqual(upTo(65));
    expect(world.server.heardOf('subscribe')[1]).toMatchObject({ after: 5, epoch: `epoch of ${NEWS}` });
  });

  it('goes on after a restart where the storage says', async () => {
    const world = aWorld();
    const first = world.open();
    seqsOf(news(first));
    await world.live(first);
    await world.time.pass(100);
    publish(world, 4);
    await world.time.pass(50);
    first.kill();
    publish(world, 2);
    const again = world.open();
    const seqs = seqsOf(news(again));
    await world.time.pass(1000);
    expect([seqs, cursorIn(world)]).toEqual([[5, 6], 6]);
  });

  it('asks for a gap that a later message shows, or a pong', async () => {
    const world = aWorld();
    const tab = world.open();
    const seqs = seqsOf(news(tab));
    await world.live(tab);
    await world.time.pass(100);
    world.server.network = { ...world.server.network, losesLive: () => true };
    publish(world, 2);
    world.server.network = { ...world.server.network, losesLive: () => false };
    publish(world, 1);
    await world.time.pass(500);
    expect(seqs).toEqual([1, 2, 3]);
    expect(world.server.heardOf('sync')).toMatchObject([{ channel: NEWS, after: 0 }]);
    world.server.network = { ...world.server.network, losesLive: () => true };
    publish(world, 1);
    await world.time.pass(10 * MINUTE_MS);
    expect(seqs).toEqual([1, 2, 3, 4]);
  });

  it('gets a message that overtook the answer to its subscribe', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    const seqs = seqsOf(news(tab));
    const frame = { event: 'message', channel: NEWS, seq: 1, id: 'm1', type: 'test', data: 1, sentAt: 1 };
    world.server.open[0]?.raw(JSON.stringify(frame));
    await world.time.pass(7);
    // The server read the head before the message was there.
    world.server.logOf(NEWS).messages.push({ seq: 1, id: 'm1', type: 'test', data: 1, sentAt: 1 });
    await world.time.pass(1000);
    expect(seqs).toEqual([1]);
  });

  it('begins anew in another epoch, and says so', async () => {
    const world = aWorld();
    const tab = world.open();
    const topic = news(tab);
    const seqs = seqsOf(topic);
    const resets: unknown[] = [];
    topic.on('reset', (event) => void resets.push(event));
    await world.live(tab);
    await world.time.pass(100);
    publish(world, 3);
    await world.time.pass(1000);
    world.server.forget('new', world.server.logOf(NEWS));
    publish(world, 2);
    world.server.cut();
    await world.time.pass(5000);
    expect([seqs, tab.resets]).toEqual([[1, 2, 3, 1, 2], []]);
    expect(resets).toEqual([{ from: { epoch: `epoch of ${NEWS}`, seq: 3 }, to: { epoch: 'new', seq: 0 } }]);
  });

  it('keeps its order and loses nothing over a hand-over', async () => {
    const world = aWorld();
    const tab = world.open({ timing: { handoverAfterMs: 10_000 } });
    const seqs = seqsOf(news(tab));
    await world.live(tab);
    await world.time.pass(100);
    for (let tick = 0; tick < 150; tick++) {
      publish(world, 1);
      await world.time.pass(100);
    }
    await world.time.pass(1000);
    expect([seqs, world.server.sockets.length]).toEqual([upTo(150), 2]);
  });

  it('that is closed is unsubscribed from, after its last ack, and hears nothing more', async () => {
    const world = aWorld();
    const tab = world.open({ timing: { ackBatch: 50 } });
    const topic = news(tab);
    const seqs = seqsOf(topic);
    await world.live(tab);
    await world.time.pass(100);
    publish(world, 3);
    await world.time.pass(20);
    topic.close();
    await world.time.pass(1000);
    publish(world, 3);
    await world.time.pass(1000);
    expect([seqs, cursorIn(world)]).toEqual([[1, 2, 3], 3]);
    expect(world.server.heardOf('ack', 'unsubscribe').map(({ action }) => action)).toEqual([
      'ack',
      'unsubscribe',
    ]);
    const again = seqsOf(news(tab));
    await world.time.pass(1000);
    expect(again).toEqual([4, 5, 6]);
  });

  it('can be iterated over; close() ends the loop', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    const topic = news(tab);
    const seen: number[] = [];
    const loop = (async () => {
      for await (const { seq } of topic) seen.push(seq);
    })();
    await world.time.pass(100);
    publish(world, 3);
    await world.time.pass(100);
    topic.close();
    await loop;
    expect(seen).toEqual([1, 2, 3]);
  });

  it('does not hold up the user’s own channel with a slow handler', async () => {
    const world = aWorld();
    const tab = world.open();
    news(tab).on('message', () => new Promise(() => {}));
    await world.live(tab);
    await world.time.pass(100);
    publish(world, 1);
    world.publish(2);
    await world.time.pass(100);
    expect(tab.seen).toEqual([1, 2]);
  });

  it.each(['', 'no spaces', 'a/b', 'x'.repeat(129)])('cannot be called "%s"', (name) => {
    const tab = aWorld().open();
    expect(() => tab.session.topic(name)).toThrow(TypeError);
  });
});

describe('a topic that is refused', () => {
  it('says so to its listeners and loops, and the client stays', async () => {
    const world = aWorld();
    world.server.forbidden.add('news');
    const tab = world.open();
    await world.live(tab);
    const topic = news(tab);
    const errors: HeraldError[] = [];
    topic.on('error', (error) => void errors.push(error));
    const next = topic[Symbol.asyncIterator]().next();
    const failure = expect(next).rejects.toMatchObject({ code: 'forbidden' });
    await world.time.pass(1000);
    await failure;
    expect(errors).toMatchObject([{ name: 'HeraldError', code: 'forbidden' }]);
    expect([tab.session.status.state, tab.errors]).toEqual(['live', []]);
    expect(world.server.heardOf('subscribe').length).toBe(1);
  });

  it('is asked for again when somebody listens again', async () => {
    const world = aWorld();
    world.server.forbidden.add('news');
    const tab = world.open();
    await world.live(tab);
    const topic = news(tab);
    topic.on('error', () => {});
    await world.time.pass(1000);
    world.server.forbidden.clear();
    const seqs = seqsOf(topic);
    await world.time.pass(100);
    publish(world, 1);
    await world.time.pass(100);
    expect(seqs).toEqual([1]);
  });

  it('whose error nobody listens to tells it to the client’s listeners', async () => {
    const world = aWorld();
    world.server.forbidden.add('news');
    const tab = world.open();
    await world.live(tab);
    seqsOf(news(tab));
    await world.time.pass(1000);
    expect(tab.errors).toMatchObject([{ code: 'forbidden' }]);
  });
});

describe('what the server subscribes by itself', () => {
  function membership(tab: Tab): string[] {
    const heard: string[] = [];
    tab.session.on('subscribed', ({ topic }) => void heard.push(`+${topic}`));
    tab.session.on('unsubscribed', ({ topic, code }) => void heard.push(`-${topic} ${code}`));
    return heard;
  }

  it('is told once, at the start or later, and its messages wait for a listener', async () => {
    const world = aWorld();
    world.server.memberOf.add('team');
    const tab = world.open();
    const heard = membership(tab);
    await world.live(tab);
    await world.time.pass(100);
    world.server.join('news');
    await world.time.pass(100);
    world.server.cut();
    await world.time.pass(5000);
    expect(heard).toEqual(['+team', '+news']);
    publish(world, 3);
    await world.time.pass(1000);
    expect(cursorIn(world)).toBe(0);
    const seqs = seqsOf(news(tab));
    await world.time.pass(1000);
    expect([seqs, cursorIn(world), world.server.heardOf('subscribe')]).toEqual([[1, 2, 3], 3, []]);
  });

  it('and takes away is told, also when it happened while the device was away', async () => {
    const world = aWorld();
    world.server.memberOf.add('team').add('news');
    const tab = world.open();
    const heard = membership(tab);
    await world.live(tab);
    world.server.remove('news');
    await world.time.pass(100);
    expect(heard).toEqual(['+team', '+news', '-news removed']);
    world.server.cut();
    world.server.memberOf.clear();
    await world.time.pass(5000);
    expect(heard.at(-1)).toBe('-team removed');
  });

  it('and takes away is subscribed to where the token allows it, and refused where not', async () => {
    const world = aWorld();
    world.server.memberOf.add('team').add('news');
    world.server.forbidden.add('team');
    const tab = world.open();
    await world.live(tab);
    const seqs = seqsOf(news(tab));
    const refused: string[] = [];
    tab.session.topic('team').on('error', ({ code }) => void refused.push(code));
    world.server.remove('news');
    world.server.remove('team');
    await world.time.pass(1000);
    publish(world, 2);
    await world.time.pass(1000);
    expect([seqs, refused]).toEqual([[1, 2], ['forbidden']]);
  });

  it('goes on where the user has joined again, if that is further on than the device stands', async () => {
    const world = aWorld();
    world.server.forbidden.add('news');
    world.server.join('news');
    const tabs = [world.open({ env }), world.open({ env })];
    const seen = tabs.map((tab) => seqsOf(news(tab)));
    await world.time.pass(1000);
    publish(world, 2);
    await world.time.pass(1000);
    world.server.refusal = 0;
    world.server.cut();
    world.server.remove('news');
    publish(world, 3);
    world.server.join('news');
    publish(world, 2);
    await world.time.pass(5000);
    world.server.refusal = undefined;
    await world.time.pass(60_000);
    publish(world, 1);
    await world.time.pass(1000);
    for (const seqs of seen) expect(seqs).toEqual([1, 2, 6, 7, 8]);
    expect([cursorIn(world), world.server.heardOf('subscribe').map(({ after }) => after)]).toEqual([8, [2]]);
    const asked = world.server.heardOf('sync').length;
    await world.time.pass(10 * 60_000);
    expect(world.server.heardOf('sync').length).toBe(asked);
  });

  it('brings again what a storage of before does not know, where the server is further on', async () => {
    const world = aWorld();
    world.server.memberOf.add('news');
    const first = world.open();
    seqsOf(news(first));
    await world.time.pass(1000);
    publish(world, 1);
    await world.time.pass(1000);
    const kept = [...world.storage.values];
    publish(world, 2);
    await world.time.pass(1000);
    first.kill();
    for (const [key, value] of kept) world.storage.setItem(key, value);
    const again = seqsOf(news(world.open()));
    await world.time.pass(1000);
    expect([cursorIn(world), again]).toEqual([3, [2, 3]]);
  });

  it('counts also if only a second `ready` tells of it', async () => {
    const world = aWorld();
    const tab = world.open();
    const heard = membership(tab);
    await world.live(tab);
    world.server.memberOf.add('news');
    void world.server.open[0]?.drive();
    await world.time.pass(100);
    const seqs = seqsOf(news(tab));
    await world.time.pass(100);
    publish(world, 1);
    await world.time.pass(100);
    expect([heard, seqs, world.server.heardOf('subscribe')]).toEqual([['+news'], [1], []]);
  });

  it('reaches every tab, also one that comes later', async () => {
    const world = aWorld();
    const first = world.open({ env });
    const early = membership(first);
    await world.time.pass(1000);
    world.server.join('news');
    await world.time.pass(1000);
    const second = world.open({ env });
    const late = membership(second);
    await world.time.pass(1000);
    expect([early, late]).toEqual([['+news'], ['+news']]);
  });
});

describe('everyone', () => {
  it('is heard without a subscribe', async () => {
    const world = aWorld();
    const tab = world.open();
    const seqs = seqsOf(tab.session.everyone);
    await world.live(tab);
    publish(world, 3, 'everyone');
    await world.time.pass(1000);
    expect([seqs, cursorIn(world, 'everyone'), world.server.heardOf('subscribe', 'unsubscribe')]).toEqual([
      [1, 2, 3],
      3,
      [],
    ]);
  });
});

describe('acks', () => {
  it('of several channels go in one frame, of one in the plain form', async () => {
    const world = aWorld();
    const tab = world.open({ timing: { ackBatch: 50 } });
    seqsOf(news(tab));
    await world.live(tab);
    await world.time.pass(100);
    world.publish(2);
    publish(world, 3);
    await world.time.pass(1000);
    tab.hide();
    publish(world, 1);
    await world.time.pass(1000);
    tab.hide();
    await world.time.pass(100);
    expect(world.server.heardOf('ack')).toMatchObject([
      {
        acks: [
          { channel: 'user:alice', seq: 2 },
          { channel: NEWS, seq: 3 },
        ],
      },
      { channel: NEWS, seq: 4 },
    ]);
  });
});

describe('tabs', () => {
  it('share a topic: one subscribe, each gets every message, and what one finished is acknowledged', async () => {
    const world = aWorld();
    const [first, second] = (await openTabs(world, {}, {})) as [Tab, Tab];
    news(first).on('message', () => new Promise(() => {}));
    await world.time.pass(100);
    const seqs = seqsOf(news(second));
    await world.time.pass(100);
    publish(world, 5);
    await world.time.pass(1000);
    expect([seqs, cursorIn(world), world.server.heardOf('subscribe').length]).toEqual([upTo(5), 5, 1]);
  });

  it('that do not lead may be the only ones to listen', async () => {
    const world = aWorld();
    const [first, second] = (await openTabs(world, {}, {})) as [Tab, Tab];
    const seqs = seqsOf(news(second));
    await world.time.pass(100);
    publish(world, 40);
    await world.time.pass(1000);
    expect([seqs, cursorIn(world)]).toEqual([upTo(40), 40]);
    world.server.cut();
    publish(world, 3);
    await world.time.pass(5000);
    expect([seqs, cursorIn(world)]).toEqual([upTo(43), 43]);
    const late = seqsOf(news(first));
    publish(world, 1);
    await world.time.pass(1000);
    expect([late, seqs]).toEqual([[44], upTo(44)]);
  });

  it('keep a topic until the last of them closes it', async () => {
    const world = aWorld();
    const [first, second] = (await openTabs(world, {}, {})) as [Tab, Tab];
    const [one, other] = [news(first), news(second)];
    seqsOf(one);
    const seqs = seqsOf(other);
    await world.time.pass(100);
    one.close();
    await world.time.pass(1000);
    publish(world, 2);
    await world.time.pass(1000);
    expect([seqs, world.server.heardOf('unsubscribe').length]).toEqual([[1, 2], 0]);
    other.close();
    await world.time.pass(1000);
    expect(world.server.heardOf('unsubscribe').length).toBe(1);
  });

  it('hand over a topic when the leader closes or is killed', async () => {
    for (const end of ['close', 'kill'] as const) {
      const world = aWorld();
      const [first, second, third] = (await openTabs(world, {}, {}, {})) as [Tab, Tab, Tab];
      const seqs = [seqsOf(news(second)), seqsOf(news(third))];
      await world.time.pass(100);
      publish(world, 2);
      await world.time.pass(1000);
      if (end === 'kill') first.kill();
      else await Promise.all([first.session.close(), world.time.pass(1500)]);
      publish(world, 2);
      await world.time.pass(3000);
      publish(world, 1);
      await world.time.pass(1000);
      expect(seqs).toEqual([upTo(5), upTo(5)]);
      expect([cursorIn(world), world.server.open.length]).toEqual([5, 1]);
    }
  });

  it('forget what a tab listened to that has gone, at the next connection', async () => {
    const world = aWorld();
    const [, second] = (await openTabs(world, {}, {})) as [Tab, Tab];
    seqsOf(news(second));
    await world.time.pass(1000);
    second.kill();
    world.server.cut();
    await world.time.pass(5000);
    expect(world.server.open[0]?.subscriptions.has(NEWS)).toBe(false);
  });
});

describe('publish()', () => {
  it('resolves with the answer, and surfaces in every tab but its own', async () => {
    const world = aWorld();
    const [first, second] = (await openTabs(world, {}, {})) as [Tab, Tab];
    const seqs = [seqsOf(news(first)), seqsOf(news(second))];
    await world.time.pass(100);
    const answers = [first, second].map(({ session }) =>
      session.publish({ to: { topic: 'news' }, type: 'test', data: { a: 1 } }),
    );
    await world.time.pass(1000);
    expect(await Promise.all(answers)).toMatchObject([
      { results: [{ channel: NEWS, seq: 1, duplicate: false }] },
      { results: [{ channel: NEWS, seq: 2, duplicate: false }] },
    ]);
    expect([seqs, cursorIn(world)]).toEqual([[[2], [1]], 2]);
  });

  it('with the device as origin surfaces in none of its tabs', async () => {
    const world = aWorld();
    const [first, second] = (await openTabs(world, {}, {})) as [Tab, Tab];
    const seqs = [seqsOf(news(first)), seqsOf(news(second))];
    await world.time.pass(100);
    const answer = first.session.publish({ to: { topic: 'news' }, type: 'test', origin: 'device' });
    await world.time.pass(1000);
    expect([(await answer).results.length, seqs]).toEqual([1, [[], []]]);
  });

  it('waits for the connection, and is repeated with one id after a lost one', async () => {
    const world = aWorld();
    const tab = world.open();
    const early = tab.session.publish({ to: { topic: 'news' }, type: 'test' });
    await world.time.pass(1000);
    expect((await early).results).toMatchObject([{ seq: 1 }]);
    // As an app writes it that passes on what it may not have.
    const noId = { id: undefined } as object;
    const sent = tab.session.publish({ to: { topic: 'news' }, type: 'test', ...noId });
    await world.time.pass(6);
    // It was published, and the answer is lost.
    world.server.cut();
    await world.time.pass(5000);
    expect((await sent).results).toMatchObject([{ seq: 2, duplicate: true }]);
    expect(world.server.logOf(NEWS).head).toBe(2);
  });

  it('rejects with the server’s code', async () => {
    const world = aWorld();
    const tabs = await openTabs(world, {}, {});
    for (const { session } of tabs) {
      world.server.publishFaults.push({ code: 'forbidden' });
      const sent = session.publish({ to: { user: 'bob' }, type: 'test' });
      const failure = expect(sent).rejects.toMatchObject({ name: 'HeraldError', code: 'forbidden' });
      await world.time.pass(1000);
      await failure;
    }
  });

  it('is repeated as late as the server asks for', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    world.server.publishFaults.push({ code: 'rate_limited', retryable: true, retryAfterMs: 3000 });
    const sent = tab.session.publish({ to: { topic: 'news' }, type: 'test' });
    await world.time.pass(2900);
    expect(world.server.heardOf('publish').length).toBe(1);
    await world.time.pass(200);
    expect((await sent).results).toMatchObject([{ seq: 1, duplicate: false }]);
  });

  it('times out, closes with the client, and is refused at once if it cannot fit into a frame', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    const publish = (data: unknown = 1) => tab.session.publish({ to: { topic: 'news' }, type: 'test', data });
    await expect(publish('x'.repeat(33_000))).rejects.toMatchObject({ code: 'too_large' });
    world.server.lost.add('publish');
    const late = expect(publish()).rejects.toMatchObject({ code: 'timeout' });
    await world.time.pass(31_000);
    await late;
    const closed = expect(publish()).rejects.toMatchObject({ code: 'closed' });
    await Promise.all([tab.session.close(), world.time.pass(2000)]);
    await closed;
    await expect(publish()).rejects.toMatchObject({ code: 'closed' });
    expect(world.time.pending).toBe(0);
  });
});

describe('send()', () => {
  it('resolves when the application’s bus has the message', async () => {
    const world = aWorld();
    const tab = world.open();
    const sent = tab.session.send('orders/accept', { orderId: 7 });
    await world.time.pass(1000);
    await sent;
    expect(world.server.taken).toEqual([{ destination: 'orders/accept', data: { orderId: 7 } }]);
  });
});

describe('a refusal that passes', () => {
  it('is waited for: nothing is asked before, and a sync after', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    const error = {
      event: 'error',
      code: 'rate_limited',
      message: 'slow',
      retryable: true,
      retryAfterMs: 4000,
    };
    world.server.open[0]?.raw(JSON.stringify(error));
    world.server.network = { ...world.server.network, losesLive: () => true };
    world.publish(1);
    world.server.network = { ...world.server.network, losesLive: () => false };
    world.publish(1);
    await world.time.pass(3900);
    expect(world.server.heardOf('sync', 'ack')).toEqual([]);
    await world.time.pass(2000);
    expect([tab.seen, world.server.cursorOf('laptop')]).toEqual([[1, 2], 2]);
  });
});

/** What the hooks show on a server, and what they read of a client. `test/browser/bell-example.test.ts` runs them in a browser. */
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import * as v from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { inbox } from '../../client/inbox.ts';
import type { Herald } from '../../client/index.ts';
import { inboxStore } from '../../client/react/inbox-store.ts';
import { statusStore } from '../../client/react/status-store.ts';
import type { Store } from '../../client/react/store.ts';
import { topicStore } from '../../client/react/topic-store.ts';
import { useInbox, useStatus, useTopic } from '../../client/react.ts';
import { defineMessageTypes } from '../../lambdas/domain/publish/message-types.ts';
import { aWorld, upTo, type World } from './world.ts';

const NEWS = 'topic:news';

/** Subscribes, and counts how often it is told of another view. */
function use<View>(store: Store<View>) {
  const used = { changes: 0, stop: store.subscribe(() => used.changes++) };
  return used;
}

const publishNews = (world: World) => world.server.publishTo(world.server.logOf(NEWS));

const seqsIn = (messages: readonly { seq: number }[]) => messages.map(({ seq }) => seq);

describe('on a server', () => {
  const Page = ({ herald }: { herald?: Herald }) => {
    const { items, unread } = useInbox(herald);
    const { messages, error } = useTopic(herald, 'news');
    const { state } = useStatus(herald);
    return createElement('p', null, JSON.stringify({ items, unread, messages, error, state }));
  };

  it('there is nothing, whether there is a client or not, and nobody listens', async () => {
    const world = aWorld();
    world.publish(3);
    const { session } = world.open({ inbox, handler: null });
    await world.time.pass(2000);
    const nothing =
      '{&quot;items&quot;:[],&quot;unread&quot;:0,&quot;messages&quot;:[],&quot;state&quot;:&quot;connecting&quot;}';
    expect(renderToString(createElement(Page, {}))).toBe(`<p>${nothing}</p>`);
    expect(renderToString(createElement(Page, { herald: session }))).toBe(`<p>${nothing}</p>`);
    await world.time.pass(2000);
    expect(world.server.heardOf('subscribe')).toEqual([]);
    expect(world.server.cursorOf('laptop')).toBe(0);
  });
});

describe('the inbox', () => {
  it('is one object until something in it changes, with functions that stay', async () => {
    const world = aWorld();
    world.publish(3);
    const { session } = world.open({ inbox });
    await world.time.pass(2000);
    const store = inboxStore(session);
    expect(inboxStore(session)).toBe(store);
    const used = use(store);
    const before = store.view();
    expect(store.view()).toBe(before);
    expect([seqsIn(before.items), before.unread, before.hasMore]).toEqual([[3, 2, 1], 3, false]);

    const { markRead } = before;
    markRead(2);
    await world.time.pass(2000);

    const after = store.view();
    expect(after).not.toBe(before);
    expect([after.unread, world.server.unread, used.changes]).toEqual([2, 2, 1]);
    expect(after.markRead).toBe(markRead);
    used.stop();
    after.markAllRead();
    await world.time.pass(2000);
    expect([used.changes, store.view().unread]).toEqual([1, 0]);
  });

  it('says that the option is missing', () => {
    expect(() => inboxStore(aWorld().open().session)).toThrow('herald-client/inbox');
  });
});

describe('a topic', () => {
  it('is subscribed to while somebody uses it, and shared by all who do', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    const store = topicStore(tab.session, 'news');
    expect(topicStore(tab.session, 'news')).toBe(store);
    const [one, other] = [use(store), use(store)];
    await world.time.pass(100);
    for (let seq = 1; seq <= 3; seq++) publishNews(world);
    await world.time.pass(1000);
    expect(seqsIn(store.view().messages)).toEqual([3, 2, 1]);
    expect([one.changes, other.changes]).toEqual([3, 3]);
    one.stop();
    await world.time.pass(1000);
    expect(world.server.heardOf('unsubscribe')).toEqual([]);
    other.stop();
    await world.time.pass(1000);
    expect(world.server.heardOf('unsubscribe')).toHaveLength(1);
  });

  it('keeps what it has, and goes on where it stood, when it is used again', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    const store = topicStore(tab.session, 'news');
    use(store).stop();
    const first = use(store);
    await world.time.pass(100);
    publishNews(world);
    await world.time.pass(1000);
    first.stop();
    await world.time.pass(1000);
    publishNews(world);
    await world.time.pass(1000);
    expect(seqsIn(store.view().messages)).toEqual([1]);
    use(store);
    await world.time.pass(2000);
    expect(seqsIn(store.view().messages)).toEqual([2, 1]);
  });

  it('keeps the newest 100', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    const store = topicStore(tab.session, 'news');
    use(store);
    await world.time.pass(100);
    for (let seq = 1; seq <= 130; seq++) publishNews(world);
    await world.time.pass(10_000);
    expect(seqsIn(store.view().messages)).toEqual(upTo(130, 31).reverse());
  });

  it('tells why the server refuses it', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    world.server.forbidden.add('news');
    const store = topicStore(tab.session, 'news');
    use(store);
    await world.time.pass(1000);
    expect(store.view()).toMatchObject({ messages: [], error: { code: 'forbidden' } });
    expect(tab.errors).toEqual([]);
  });
});

it('the status is that of the client', async () => {
  const world = aWorld();
  const tab = world.open();
  const store = statusStore(tab.session);
  const used = use(store);
  expect(store.view()).toEqual({ state: 'connecting' });
  await world.live(tab);
  expect(store.view()).toBe(store.view());
  expect(store.view()).toEqual({ state: 'live' });
  expect(used.changes).toBeGreaterThan(0);
});

it('is typed by the registry', () => {
  const types = defineMessageTypes({ 'order.shipped': { data: v.object({ orderId: v.string() }) } });
  const Typed = ({ herald }: { herald: Herald<typeof types> }) => {
    const [item] = useInbox(herald).items;
    if (item?.type === 'order.shipped') expectTypeOf(item.data).toEqualTypeOf<{ orderId: string }>();
    const [message] = useTopic(herald, 'news').messages;
    if (message?.type === 'order.shipped') expectTypeOf(message.data.orderId).toBeString();
    expectTypeOf(useInbox(undefined).unread).toBeNumber();
    return null;
  };
  expectTypeOf(Typed).toBeFunction();
});

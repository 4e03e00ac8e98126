/** `herald.inbox`: the list, the count and the marks, in tabs, over reconnects and without a connection. */
import { describe, expect, it } from 'vitest';
import { inbox } from '../../client/inbox.ts';
import type { Inbox } from '../../client/inbox-types.ts';
import { aWorld, type Tab, type TabOptions, tokenOf, upTo, type World } from './world.ts';

const open = (world: World, options: TabOptions = {}): Tab => world.open({ inbox, ...options });

/** Newest first; a read message is negative. */
const shown = ({ session }: Tab): number[] => session.inbox.items.map(({ seq, read }) => (read ? -seq : seq));

/** What every tab should show, as far as it has loaded. */
const kept = ({ server }: World, count = server.inbox.length): number[] =>
  server.inbox.slice(0, count).map(({ seq, read }) => (read ? -seq : seq));

const down = (last: number, first = 1) => upTo(last, first).reverse();

/** All that is on its way has come. */
const settled = async (world: World) => world.time.pass(2000);

const look = ({ items, unread, hasMore }: Inbox) => ({ count: items.length, unread, hasMore });

describe('the list', () => {
  it('has the newest 20 and the right count in a fresh browser, and more on demand', async () => {
    const world = aWorld();
    world.publish(50);
    world.server.mark({ form: 'through', seq: 10 });
    const tab = open(world);
    const { inbox: box } = tab.session;
    await settled(world);
    expect(shown(tab)).toEqual(down(50, 31));
    expect(look(box)).toEqual({ count: 20, unread: 40, hasMore: true });
    await Promise.all([box.loadMore(), box.loadMore(), settled(world)]);
    expect(look(box)).toEqual({ count: 40, unread: 40, hasMore: true });
    await Promise.all([box.loadMore(), settled(world)]);
    expect(look(box)).toEqual({ count: 50, unread: 40, hasMore: false });
    expect(shown(tab)).toEqual(kept(world));
    await box.loadMore();
    expect(world.server.heardOf('history')).toHaveLength(3);
  });

  it('gets live messages at once and loses withdrawn ones, with one change for each', async () => {
    const world = aWorld();
    world.publish(3);
    const tab = open(world);
    const { inbox: box } = tab.session;
    await settled(world);
    let changes = 0;
    const stop = box.on('change', () => changes++);
    const before = box.items;
    world.publish(1);
    await settled(world);
    expect(shown(tab)).toEqual([4, 3, 2, 1]);
    expect(box.items).not.toBe(before);
    expect(box.items[1]).toBe(before[0]);
    world.server.withdraw(2);
    await settled(world);
    expect([shown(tab), box.unread, changes]).toEqual([[4, 3, 1], 3, 2]);
    stop();
    world.publish(1);
    await settled(world);
    expect(changes).toBe(2);
    expect(shown(tab)).toEqual([6, 4, 3, 1]);
  });

  it('keeps what came live over a lost connection, until it is asked for anew', async () => {
    const world = aWorld();
    const tab = open(world);
    await settled(world);
    world.publish(3);
    await settled(world);
    world.server.lost.add('history');
    world.server.cut();
    await world.time.pass(10_000);
    expect([tab.session.status.state, shown(tab)]).toEqual(['live', [3, 2, 1]]);
  });

  it('stays the same array while nothing changes', async () => {
    const world = aWorld();
    world.publish(3);
    const tab = open(world);
    await settled(world);
    const { items } = tab.session.inbox;
    world.server.cut();
    await world.time.pass(60_000);
    expect(world.server.heardOf('history')).toHaveLength(2);
    expect(tab.session.inbox.items).toBe(items);
  });

  it('shows what this device itself has caused, as soon as it can know', async () => {
    const world = aWorld();
    const tab = open(world);
    await settled(world);
    world.publish(1, 'laptop');
    world.publish(1);
    await settled(world);
    expect(shown(tab)).toEqual([2, 1]);
  });

  it('is the server’s after an hour away: as long as it was, without what was withdrawn and expired', async () => {
    const world = aWorld();
    world.publish(30);
    const tab = open(world);
    await settled(world);
    await Promise.all([tab.session.inbox.loadMore(), settled(world)]);
    world.server.refusal = 0;
    world.server.cut();
    world.publish(5);
    world.server.withdraw(29);
    for (const seq of upTo(8)) (world.server.log[seq - 1] as { isExpired: boolean }).isExpired = true;
    world.server.mark({ form: 'through', seq: 20 });
    await world.time.pass(3_600_000);
    world.server.refusal = undefined;
    await world.time.pass(60_000);
    expect(shown(tab)).toEqual(kept(world));
    expect(look(tab.session.inbox)).toEqual({ count: 26, unread: 14, hasMore: false });
  });

  it('begins anew with another numbering, and drops the marks of the old', async () => {
    const world = aWorld();
    world.publish(5);
    const tab = open(world);
    await settled(world);
    world.server.refusal = 0;
    world.server.cut();
    tab.session.inbox.markRead(2);
    world.server.forget('epoch-2');
    world.publish(3);
    world.server.refusal = undefined;
    await world.time.pass(60_000);
    expect(shown(tab)).toEqual([3, 2, 1]);
    expect(world.server.heardOf('read')).toEqual([]);
  });

  it('tells what the server refuses', async () => {
    const world = aWorld();
    world.server.historyFaults.push({ code: 'bad_frame' });
    const tab = open(world);
    await settled(world);
    expect(tab.errors.map(({ code }) => code)).toEqual(['bad_frame']);
  });

  it('is another user’s with another user’s token', async () => {
    const world = aWorld();
    world.publish(3);
    let user = 'alice';
    const tab = open(world, { token: () => tokenOf(user) });
    await settled(world);
    expect(shown(tab)).toHaveLength(3);
    user = 'bob';
    world.server.refusal = 0;
    world.server.cut();
    await world.time.pass(60_000);
    expect(shown(tab)).toEqual([]);
  });
});

describe('a mark', () => {
  it('shows at once, and on the other device and in the other tab within a second', async () => {
    const world = aWorld();
    world.publish(4);
    const [one, two] = [open(world, browser), open(world, browser)];
    const phone = open(world, { deviceId: 'phone', storage: undefined });
    await settled(world);
    one.session.inbox.markRead(2);
    expect([shown(one), one.session.inbox.unread]).toEqual([[4, 3, -2, 1], 3]);
    await world.time.pass(1000);
    for (const tab of [one, two, phone]) expect(shown(tab)).toEqual([4, 3, -2, 1]);
    phone.session.inbox.markAllRead();
    expect(shown(phone)).toEqual([-4, -3, -2, -1]);
    await world.time.pass(1000);
    two.session.inbox.markUnread(3);
    await world.time.pass(1000);
    for (const tab of [one, two, phone]) {
      expect(shown(tab)).toEqual([-4, 3, -2, -1]);
      expect(tab.session.inbox.unread).toBe(1);
    }
  });

  it('goes with others in one frame, and what changes nothing is not sent', async () => {
    const world = aWorld();
    world.publish(30);
    const tab = open(world);
    await settled(world);
    for (const seq of upTo(30, 11)) tab.session.inbox.markRead(seq);
    for (const seq of upTo(30, 11)) tab.session.inbox.markRead(seq);
    await settled(world);
    expect(world.server.heardOf('read').map(({ seqs }) => seqs)).toEqual([[11], upTo(30, 12)]);
    expect([tab.session.inbox.unread, world.server.unread]).toEqual([10, 10]);
  });

  it('keeps its order', async () => {
    const world = aWorld();
    world.publish(3);
    const tab = open(world);
    await settled(world);
    const { inbox: box } = tab.session;
    box.markAllRead();
    box.markUnread(2);
    box.markRead(2);
    box.markUnread(1);
    await settled(world);
    expect(shown(tab)).toEqual([-3, -2, 1]);
    expect(kept(world)).toEqual([-3, -2, 1]);
  });

  it.each(['tab', 'new tab'])(
    'that the server had before its answer was lost is not sent again: by a %s',
    async (which) => {
      const world = aWorld();
      world.publish(2);
      let tab = open(world);
      await settled(world);
      tab.session.inbox.markRead(2);
      await world.time.until(() => world.server.unread === 1, 'taken by the server');
      world.server.cut();
      if (which === 'new tab') {
        tab.kill();
        tab = open(world);
        await world.time.pass(1);
      }
      tab.session.inbox.markUnread(2);
      await settled(world);
      expect(world.server.heardOf('read')).toMatchObject([{ seqs: [2] }, { unread: [2] }]);
      expect([shown(tab), world.server.unread]).toEqual([[2, 1], 2]);
    },
  );

  it('comes after those that an earlier run has left in the storage', async () => {
    const world = aWorld();
    world.publish(3);
    world.server.mark({ form: 'through', seq: 3 });
    const first = open(world);
    await settled(world);
    world.server.refusal = 0;
    world.server.cut();
    first.session.inbox.markUnread(2);
    await settled(world);
    first.kill();
    world.server.refusal = undefined;
    // As when a notification of the system was clicked: before anything is known.
    const tab = open(world);
    tab.session.inbox.markRead(2);
    await settled(world);
    expect([shown(tab), world.server.unread]).toEqual([[-3, -2, -1], 0]);
  });

  it('made without a connection is seen in all tabs, outlives them, and is sent once there is one', async () => {
    const world = aWorld();
    world.publish(4);
    const [one, two] = [open(world, browser), open(world, browser)];
    await settled(world);
    world.server.refusal = 0;
    world.server.cut();
    await world.time.pass(1000);
    one.session.inbox.markRead(4);
    two.session.inbox.markRead(1);
    await world.time.pass(120_000);
    for (const tab of [one, two]) expect(shown(tab)).toEqual([-4, 3, 2, -1]);
    one.kill();
    two.kill();
    const later = open(world, browser);
    await world.time.pass(5000);
    expect(shown(later)).toEqual([-4, 3, 2, -1]);
    world.server.refusal = undefined;
    await world.time.pass(60_000);
    expect(kept(world)).toEqual([-4, 3, 2, -1]);
    const sent = world.server.heardOf('read').length;
    later.kill();
    open(world, browser);
    await world.time.pass(60_000);
    expect(world.server.heardOf('read')).toHaveLength(sent);
  });

  it('that a tab left behind is sent by another', async () => {
    const world = aWorld();
    world.publish(2);
    const [one, two] = [open(world, browser), open(world, browser)];
    await settled(world);
    two.session.inbox.markRead(2);
    await world.time.pass(1);
    world.server.heard.length = 0;
    two.kill();
    world.server.cut();
    await world.time.pass(60_000);
    expect([shown(one), kept(world)]).toEqual([
      [-2, 1],
      [-2, 1],
    ]);
  });

  it('that the server refuses is taken back, and told', async () => {
    const world = aWorld();
    world.publish(2);
    const tab = open(world);
    await settled(world);
    tab.session.inbox.markRead(9);
    tab.session.inbox.markRead(1);
    await settled(world);
    expect(tab.errors.map(({ code }) => code)).toEqual(['ack_past_head']);
    expect(shown(tab)).toEqual([2, -1]);
    // The connection is as good as it was.
    expect(tab.statuses.map(({ state }) => state)).toEqual(['replaying', 'live']);
  });

  it('of something else than a seq is an error', () => {
    const tab = open(aWorld());
    expect(() => tab.session.inbox.markRead(Number.NaN)).toThrow('seq: expected a whole number, got NaN');
  });

  it('that changes nothing at the server holds up no other', async () => {
    const world = aWorld();
    world.publish(3);
    const tab = open(world);
    await settled(world);
    // As if the frame that told of it had been lost.
    world.server.read = { version: 1, through: 0, seqs: [3] };
    tab.session.inbox.markRead(3);
    tab.session.inbox.markRead(1);
    await world.time.pass(60_000);
    expect([shown(tab), kept(world)]).toEqual([
      [-3, 2, -1],
      [-3, 2, -1],
    ]);
  });
});

describe('the count', () => {
  it('is right for what is not loaded, whatever is marked there', async () => {
    const world = aWorld();
    world.publish(60);
    const tab = open(world);
    await settled(world);
    const { inbox: box } = tab.session;
    for (const mark of [
      { form: 'seqs', seq: 7 },
      { form: 'through', seq: 20 },
      { form: 'unread', seq: 12 },
      { form: 'through', seq: 45 },
      { form: 'unread', seq: 30 },
      { form: 'seqs', seq: 30 },
    ] as const) {
      world.server.mark(mark);
      await settled(world);
      expect(box.unread).toBe(world.server.unread);
    }
    world.server.mark({ form: 'unread', seq: 5 });
    world.server.withdraw(5);
    await settled(world);
    expect(box.unread).toBe(world.server.unread);
    box.markAllRead();
    expect(box.unread).toBe(0);
  });
});

describe('before the first connection', () => {
  it('shows what the storage has, as soon as the token names the user', async () => {
    const world = aWorld();
    world.publish(30);
    const first = open(world);
    await settled(world);
    first.session.inbox.markRead(30);
    await settled(world);
    await Promise.all([first.session.close(), settled(world)]);
    world.server.refusal = 0;
    const tab = open(world);
    await settled(world);
    expect(shown(tab)).toEqual([-30, ...down(29, 11)]);
    expect(look(tab.session.inbox)).toEqual({ count: 20, unread: 29, hasMore: true });
    const stranger = open(world, { token: () => tokenOf('bob') });
    await settled(world);
    expect(shown(stranger)).toEqual([]);
  });

  it('takes what is no inbox for none', async () => {
    const world = aWorld();
    world.publish(2);
    const key = 'herald:wss://herald.test/prod:laptop:user:alice';
    for (const wrong of ['no JSON', '7', 'null', '{"read":{"version":1}}', '[{"seq":"x"},null]']) {
      world.storage.setItem(`${key}:inbox`, wrong);
      world.storage.setItem(`${key}:marks`, wrong);
      const tab = open(world);
      await settled(world);
      expect(shown(tab)).toEqual([2, 1]);
      tab.kill();
    }
  });
});

describe('who listens to changes', () => {
  it('takes the messages: they are acknowledged, as by a handler', async () => {
    const world = aWorld();
    world.publish(2);
    const tab = open(world, { handler: null });
    await settled(world);
    expect(world.server.cursorOf('laptop')).toBe(0);
    const stop = tab.session.inbox.on('change', () => {});
    await settled(world);
    expect(world.server.cursorOf('laptop')).toBe(2);
    stop();
    world.publish(1);
    await settled(world);
    expect([shown(tab), world.server.cursorOf('laptop')]).toEqual([[3, 2, 1], 2]);
  });

  it('is not harmed by another listener that fails', async () => {
    const world = aWorld();
    const tab = open(world);
    let changes = 0;
    tab.session.inbox.on('change', () => {
      throw new Error('no');
    });
    tab.session.inbox.on('change', () => changes++);
    world.publish(1);
    await settled(world);
    expect(changes).toBe(1);
  });
});

const browser: TabOptions = { env: { hasTabs: true } };

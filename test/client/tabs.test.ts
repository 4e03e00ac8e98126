/** Several tabs of one browser when one of them fails: what is true of one tab must not be taken for all. */
import { describe, expect, it } from 'vitest';
import type { Locks } from '../../client/environment.ts';
import { aWorld, type Tab, type TabOptions, tokenOf, upTo, type World } from './world.ts';

const MINUTE_MS = 60_000;

const env = { hasTabs: true };

const deniedLocks: Locks = { request: () => Promise.reject(new DOMException('denied', 'SecurityError')) };
const throwingLocks: Locks = {
  request: () => {
    throw new DOMException('denied', 'SecurityError');
  },
};
const hangingLocks: Locks = { request: () => new Promise(() => {}) };

/** Tabs that have agreed on a leader, the first. */
async function openTabs(world: World, ...options: TabOptions[]): Promise<Tab[]> {
  const tabs: Tab[] = [];
  for (const option of options) {
    tabs.push(world.open({ env, ...option }));
    await world.time.pass(1000);
  }
  return tabs;
}

const statesOf = (tabs: Tab[]) => tabs.map(({ session }) => session.status.state);

describe('a leading tab', () => {
  it('whose token cannot be renewed closes alone: a tab with another token goes on', async () => {
    const world = aWorld();
    const [first, second] = await openTabs(
      world,
      { token: tokenOf('alice', '1') },
      { token: tokenOf('alice', '2') },
    );
    world.server.bye('token_expired');
    await world.time.pass(5000);
    world.publish(2);
    await world.time.pass(1000);
    expect(first?.session.status).toMatchObject({ state: 'closed', reason: 'token_expired' });
    expect([second?.session.status.state, second?.seen]).toEqual(['live', [1, 2]]);
  });

  it('whose token function rejects from now on lets another connect', async () => {
    const world = aWorld();
    let isBroken = false;
    const token = () => (isBroken ? Promise.reject(new Error('signed out')) : tokenOf('alice'));
    const tabs = await openTabs(world, { token }, {});
    isBroken = true;
    world.server.cut();
    await world.time.pass(10_000);
    world.publish(2);
    await world.time.pass(1000);
    expect(statesOf(tabs)).toEqual(['live', 'live']);
    expect(tabs.map(({ seen }) => seen)).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(tabs[0]?.errors.map(({ code }) => code)).toContain('token');
  });

  it('whose token is refused without a word, as in a browser, lets another connect', async () => {
    const world = aWorld();
    const bad = tokenOf('alice', 'bad');
    world.server.badTokens.add(bad);
    const tabs = await openTabs(world, { token: bad }, {});
    await world.time.pass(10_000);
    expect(statesOf(tabs)).toEqual(['live', 'live']);
  });

  it('that does not run is replaced within ten seconds, and is one of the others when it runs again', async () => {
    const world = aWorld();
    const [first, second, third] = await openTabs(world, {}, {}, {});
    first?.freeze();
    world.publish(2);
    await world.time.pass(10_000);
    expect([second?.seen, third?.seen]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    world.publish(1);
    await world.time.pass(MINUTE_MS);
    first?.thaw();
    world.publish(1);
    await world.time.pass(5000);
    const tabs = [first, second, third] as Tab[];
    expect(tabs.map(({ seen }) => seen)).toEqual([upTo(4), upTo(4), upTo(4)]);
    expect(statesOf(tabs)).toEqual(['live', 'live', 'live']);
    expect(world.server.open.length).toBe(1);
  });

  it('that answers is left in peace, however long nothing happens', async () => {
    const world = aWorld();
    const tabs = await openTabs(world, {}, {}, {});
    await world.time.pass(60 * MINUTE_MS);
    expect([statesOf(tabs), world.server.sockets.length]).toEqual([['live', 'live', 'live'], 1]);
  });

  it('without a handler does not keep from being acknowledged what another tab has finished', async () => {
    const world = aWorld();
    const [first, second] = await openTabs(world, { handler: () => new Promise(() => {}) }, {});
    world.publish(5);
    await world.time.pass(1000);
    expect([first?.seen, second?.seen, world.server.cursorOf('laptop')]).toEqual([[], upTo(5), 5]);
    for (const tab of [first, second]) tab?.kill();
    const next = world.open({ env });
    world.publish(1);
    await world.time.pass(1000);
    expect(next.seen).toEqual([6]);
  });

  it('whose handlers are stuck behind a full buffer lets the others catch up', async () => {
    const world = aWorld();
    const timing = { maxBuffered: 5000 };
    const [, second] = await openTabs(world, { timing, handler: () => new Promise(() => {}) }, { timing });
    world.server.network = { ...world.server.network, losesLive: () => true };
    world.publish(200);
    world.server.network = { ...world.server.network, losesLive: () => false };
    world.publish(1);
    await world.time.pass(MINUTE_MS);
    expect(second?.seen).toEqual(upTo(201));
  });

  it('that has become another user joins that user’s tabs, and neither is replaced', async () => {
    const world = aWorld();
    let user = 'alice';
    const [old] = await openTabs(world, { token: () => tokenOf(user) });
    user = 'bob';
    const [fresh] = await openTabs(world, { token: () => tokenOf(user) });
    world.server.cut();
    await world.time.pass(10_000);
    const tabs = [old, fresh] as Tab[];
    expect(statesOf(tabs)).toEqual(['live', 'live']);
    expect(world.server.open.map(({ userId }) => userId)).toEqual(['bob']);
  });

  it('goes on with the back-off of the others: tabs together try no more often than one', async () => {
    const attempts = async (count: number): Promise<number> => {
      const world = aWorld();
      await openTabs(world, ...Array.from({ length: count }, () => ({})));
      world.server.refusal = 0;
      world.server.cut();
      await world.time.pass(10 * MINUTE_MS);
      return world.server.sockets.length;
    };
    expect(await attempts(3)).toBeLessThan(1.5 * (await attempts(1)));
  });
});

describe('a connection that a stranger has replaced', () => {
  it('closes all tabs: they do not take it back', async () => {
    const world = aWorld();
    const tabs = await openTabs(world, {}, {});
    const stranger = world.open();
    await world.time.pass(MINUTE_MS);
    expect(tabs.map(({ session }) => session.status)).toMatchObject([
      { reason: 'replaced' },
      { reason: 'replaced' },
    ]);
    expect([stranger.session.status.state, world.server.sockets.length]).toEqual(['live', 2]);
  });
});

describe('a failure at the start', () => {
  it('of the token function changes nothing about which device this is', async () => {
    const world = aWorld();
    let calls = 0;
    const token = () => (++calls === 1 ? Promise.reject(new Error('offline')) : tokenOf('alice'));
    const tabs = await openTabs(world, { token }, {});
    await world.time.pass(5000);
    expect(statesOf(tabs)).toEqual(['live', 'live']);
    expect(world.server.open.map(({ deviceId }) => deviceId)).toEqual(['laptop']);
  });

  it('of every kind that locks have ends as one device with one connection', async () => {
    for (const locks of [undefined, deniedLocks, throwingLocks, hangingLocks]) {
      const world = aWorld();
      const lockless = { hasTabs: true, locks };
      const tabs = [world.open({ env: lockless }), world.open({ env: lockless })];
      await world.time.pass(20_000);
      world.publish(2);
      await world.time.pass(1000);
      expect(tabs.map(({ seen }) => seen)).toEqual([
        [1, 2],
        [1, 2],
      ]);
      expect(world.server.open.map(({ deviceId }) => deviceId)).toEqual(['laptop']);
      expect(statesOf(tabs)).toEqual(['live', 'live']);
    }
  });

  it('of BroadcastChannel makes the tab connect alone, as the same device', async () => {
    const world = aWorld();
    const openBroadcast = () => {
      throw new DOMException('denied', 'SecurityError');
    };
    const [tab] = await openTabs(world, { env: { ...env, openBroadcast } });
    expect(tab?.session.status.state).toBe('live');
    expect(world.server.open.map(({ deviceId }) => deviceId)).toEqual(['laptop']);
  });
});

describe('tabs without a lock', () => {
  const lockless = { hasTabs: true, locks: undefined };

  it('hand over when the leader closes, is killed or does not run', async () => {
    for (const end of ['close', 'kill', 'freeze'] as const) {
      const world = aWorld();
      const [first, second, third] = await openTabs(
        world,
        { env: lockless },
        { env: lockless },
        { env: lockless },
      );
      if (end === 'close') void first?.session.close();
      else first?.[end]();
      await world.time.pass(12_000);
      world.publish(2);
      await world.time.pass(1000);
      expect([second?.seen, third?.seen]).toEqual([
        [1, 2],
        [1, 2],
      ]);
      if (end !== 'freeze') continue;
      first?.thaw();
      await world.time.pass(10_000);
      expect([first?.seen, first?.session.status.state]).toEqual([[1, 2], 'live']);
      expect(world.server.open.length).toBe(1);
    }
  });

  it('of which one does not run for a while have no more timers than before, and none when closed', async () => {
    const world = aWorld();
    const tabs = await openTabs(world, { env: lockless }, { env: lockless });
    await world.time.pass(30_000);
    const before = world.time.pending;
    for (const tab of tabs) {
      tab.freeze();
      await world.time.pass(5000);
      tab.thaw();
      await world.time.pass(30_000);
      expect(world.time.pending).toBe(before);
    }
    for (const { session } of tabs) await Promise.all([session.close(), world.time.pass(1500)]);
    expect(world.time.pending).toBe(0);
  });

  it('that lead at once end with one leader', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = aWorld(seed);
      const tabs = [1, 2, 3, 4].map(() => world.open({ env: lockless, timing: { electionMs: 1 } }));
      await world.time.pass(30_000);
      world.publish(1);
      await world.time.pass(1000);
      expect(statesOf(tabs)).toEqual(['live', 'live', 'live', 'live']);
      expect([tabs.map(({ seen }) => seen), world.server.open.length]).toEqual([[[1], [1], [1], [1]], 1]);
    }
  });
});

describe('the origin of a message', () => {
  it('is a tab of the device: all others surface the message, and it counts as finished', async () => {
    const world = aWorld();
    const tabs = await openTabs(world, {}, {});
    const [first, second] = tabs as [Tab, Tab];
    expect(first.session.deviceId).toBe('laptop');
    const [deviceId, name] = second.session.origin?.split('/') ?? [];
    expect([deviceId, first.session.origin]).not.toEqual(['laptop', second.session.origin]);
    world.server.publish('own', undefined, name);
    world.publish(1);
    await world.time.pass(1000);
    expect([first.seen, second.seen, world.server.cursorOf('laptop')]).toEqual([[1, 2], [2], 2]);
  });
});

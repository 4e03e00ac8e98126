/** What the client gets from others, and what it does when that is late, wrong or missing: tokens, storages, clocks, the server's numbers. */
import { describe, expect, it } from 'vitest';
import { inbox } from '../../client/inbox.ts';
import { connect } from '../../client/index.ts';
import { webSocketUrl } from '../../client/option-checks.ts';
import type { KeyValueStorage, Options } from '../../client/types.ts';
import { aWorld, MapStorage, tokenOf, upTo } from './world.ts';

const MINUTE_MS = 60_000;
const DEVICE_KEY = 'herald:device';
const POSITION_KEY = 'herald:wss://herald.test/prod:laptop:user:alice';

class NoSocket {
  constructor() {
    throw new Error('no test opens it');
  }
}

describe('options that cannot be', () => {
  const using = (url: string, options: object) => () =>
    connect(url, { token: 'jwt', WebSocket: NoSocket, ...options } as unknown as Options);

  it.each([
    ['an http:// URL', 'http://herald.test/prod', {}, 'url: expected ws:// or wss://, got http:'],
    ['no URL', '/prod', {}, 'url: expected ws:// or wss://, got no URL'],
    ['a wrong device id', 'wss://herald.test', { deviceId: 'my laptop' }, 'deviceId: expected 1 to 128 of'],
    ['an empty device id', 'wss://herald.test', { deviceId: '' }, 'deviceId: expected 1 to 128 of'],
    ['no token', 'wss://herald.test', { token: undefined }, 'token: expected a JWT'],
    ['an empty token', 'wss://herald.test', { token: '' }, 'token: expected a JWT'],
    [
      'no time',
      'wss://herald.test',
      { timing: { backoffBaseMs: Number.NaN } },
      'timing.backoffBaseMs: expected',
    ],
    [
      'a time that never comes',
      'wss://herald.test',
      { timing: { handoverAfterMs: 1 / 0 } },
      'timing.handoverAft',
    ],
    [
      'a time before now',
      'wss://herald.test',
      { timing: { backoffCapMs: -1 } },
      'timing.backoffCapMs: expected',
    ],
  ])('such as %s are refused, with what is wrong with what', (_, url, options, message) => {
    expect(using(url, options)).toThrow(TypeError);
    expect(using(url, options)).toThrow(message);
  });

  it('such as none at all are refused with the option that is missing', () => {
    const none = connect as unknown as (url: string) => unknown;
    expect(() => none('wss://herald.test')).toThrow('token: expected a JWT');
  });

  it('do not include a time that is undefined: the default holds', async () => {
    const world = aWorld();
    const tab = world.open({ timing: { connectTimeoutMs: undefined } as object });
    await world.live(tab);
    expect(tab.statuses.map(({ state }) => state)).toEqual(['replaying', 'live']);
  });

  it('do not include a fragment: with one no socket would open', () => {
    expect(webSocketUrl('wss://herald.test/prod#top')).toBe('wss://herald.test/prod');
  });

  it('include what is no listener: no message is handed to it', async () => {
    const world = aWorld();
    world.publish(1);
    const tab = world.open({ handler: null, inbox });
    const nothing = undefined as never;
    expect(() => tab.session.on('message', nothing)).toThrow('listener: expected a function');
    expect(() => tab.session.topic('news').on('error', nothing)).toThrow('listener: expected a function');
    expect(() => tab.session.inbox.on('change', nothing)).toThrow('listener: expected a function');
    await world.live(tab);
    await world.time.pass(1000);
    expect(tab.session.cursor?.seq).toBe(0);
  });
});

describe('a token', () => {
  it.each([
    ['is undefined', undefined, 'got undefined'],
    ['is null', null, 'got object'],
    ['has a newline', `${tokenOf('alice')}\n`, 'other characters'],
    ['has quotes', `"${tokenOf('alice')}"`, 'other characters'],
    ['has padding', `${tokenOf('alice')}==`, 'other characters'],
  ])(
    'that once %s is an error of its code, quoted nowhere, and the next one is asked for',
    async (_, bad, says) => {
      const world = aWorld();
      let calls = 0;
      const token = (() => (++calls === 1 ? bad : tokenOf('alice'))) as () => string;
      const tab = world.open({ token });
      await world.live(tab);
      expect(tab.errors).toMatchObject([{ code: 'token', message: expect.stringContaining(says) }]);
      expect(JSON.stringify([tab.statuses, tab.errors.map(String)])).not.toContain(tokenOf('alice'));
    },
  );

  it('that is fixed and malformed closes: it will not get better', async () => {
    const world = aWorld();
    const tab = world.open({ token: 'a b' });
    await world.time.pass(5000);
    expect(tab.session.status).toMatchObject({ state: 'closed', reason: 'refused' });
    expect(tab.errors.map(({ code }) => code)).toContain('token');
  });

  it('that never comes is given up after 30 s, and asked for again', async () => {
    for (const hasTabs of [false, true]) {
      const world = aWorld();
      let calls = 0;
      const token = () => (++calls === 1 ? new Promise<string>(() => {}) : tokenOf('alice'));
      const tab = world.open({ token, env: { hasTabs } });
      await world.time.pass(40_000);
      expect([tab.session.status.state, tab.errors[0]?.code]).toEqual(['live', 'token']);
    }
  });

  it('is not quoted where the platform does so', async () => {
    const world = aWorld();
    const openSocket = (_: string, protocols: string[]) => {
      throw new DOMException(`The subprotocol '${protocols[1]}' is invalid`, 'SyntaxError');
    };
    const tab = world.open({ env: { openSocket } });
    await world.time.pass(1000);
    expect(tab.session.status).toMatchObject({ state: 'waiting', message: 'WebSocket: SyntaxError' });
  });
});

describe('a storage', () => {
  const never = new Promise<never>(() => {});

  it.each(['getItem', 'setItem'] as const)(
    'whose %s never answers is passed over, and told',
    async (method) => {
      for (const hasTabs of [false, true]) {
        const world = aWorld();
        const storage: KeyValueStorage = { getItem: () => null, setItem: () => {}, [method]: () => never };
        world.publish(3);
        const tab = world.open({ storage, deviceId: undefined, env: { hasTabs } });
        await world.time.pass(30_000);
        const { deviceId = '' } = tab.session;
        expect([tab.session.status.state, tab.seen, world.server.cursorOf(deviceId)]).toEqual([
          'live',
          [1, 2, 3],
          3,
        ]);
        expect(tab.errors[0]).toMatchObject({ code: 'storage', message: expect.stringContaining(method) });
      }
    },
  );

  it('gives two clients that start at once one device id', async () => {
    const world = aWorld();
    const slow: KeyValueStorage = {
      getItem: async (key) => {
        await world.time.sleep(world.random() * 50);
        return world.storage.getItem(key);
      },
      setItem: async (key, value) => {
        await world.time.sleep(world.random() * 50);
        world.storage.setItem(key, value);
      },
    };
    for (const storage of [world.storage, slow]) {
      world.storage.values.clear();
      const tabs = [1, 2].map(() => world.open({ storage, deviceId: undefined, env: { hasTabs: true } }));
      await world.time.pass(2000);
      expect(tabs[0]?.session.deviceId).toMatch(/^[0-9a-v]{20}$/);
      expect(tabs[1]?.session.deviceId).toBe(tabs[0]?.session.deviceId);
      expect(tabs.map(({ session }) => session.status.state)).toEqual(['live', 'live']);
    }
  });

  it('that holds a device id or a position that cannot be counts as empty', async () => {
    const world = aWorld();
    world.publish(3);
    const storage = new MapStorage();
    storage.setItem(DEVICE_KEY, 'not an id');
    storage.setItem(POSITION_KEY, '{"epoch":"epoch-1","seq":-7}');
    const [made, given] = [world.open({ storage, deviceId: undefined }), world.open({ storage })];
    await world.time.pass(2000);
    expect([made.session.deviceId, given.seen]).toEqual([storage.getItem(DEVICE_KEY), [1, 2, 3]]);
    expect(made.session.deviceId).toMatch(/^[0-9a-v]{20}$/);
  });
});

describe('a frame of the server with a number that cannot be', () => {
  const message = { event: 'message', channel: 'user:alice', seq: 4, id: 'x', type: 't', data: 1, sentAt: 1 };
  const replay = {
    event: 'replay',
    channel: 'user:alice',
    epoch: 'epoch-1',
    after: 3,
    through: 4,
    expired: 0,
    more: false,
    messages: [],
  };
  const ready = { event: 'ready', channel: 'user:alice', epoch: 'epoch-1', head: 3, cursor: 0 };
  const wrong = [-1, 1.5, 1e300, '5', null, undefined];
  /** Of a text: what is none. */
  const noText = [5, null, undefined, ['a']];
  const isText = (field: string) => ['channel', 'epoch', 'id'].includes(field);

  it.each([
    ['message', message, 'seq'],
    ['replay', replay, 'after'],
    ['replay', replay, 'through'],
    ['replay', replay, 'expired'],
    ['pong', { event: 'pong', epoch: 'epoch-1' }, 'head'],
    ['ready', ready, 'head'],
    ['ready', ready, 'cursor'],
    ['subscribed', { ...ready, event: 'subscribed', channel: 'topic:news' }, 'head'],
    ['subscribed', { ...ready, event: 'subscribed', channel: 'topic:news' }, 'cursor'],
    ['subscribed', { ...ready, event: 'subscribed', channel: 'topic:news' }, 'epoch'],
    ['unsubscribed', { event: 'unsubscribed', code: 'removed' }, 'channel'],
    ['published', { event: 'published', results: [] }, 'id'],
  ])('is refused and not believed: %s, %j, %s', async (_, frame, field) => {
    for (const number of isText(field) ? noText : wrong) {
      const world = aWorld();
      const tab = world.open();
      await world.live(tab);
      world.publish(3);
      await world.time.pass(1000);
      world.server.open[0]?.raw(JSON.stringify({ ...frame, [field]: number }));
      await world.time.pass(MINUTE_MS);
      expect(tab.errors).toMatchObject([{ code: 'server', message: expect.stringContaining(field) }]);
      world.publish(1);
      await world.time.pass(1000);
      expect([tab.seen, tab.session.cursor?.seq, tab.session.status.state]).toEqual([upTo(4), 4, 'live']);
    }
  });

  it('in a message of a replay is refused too', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    world.server.open[0]?.raw(JSON.stringify({ ...replay, after: 0, messages: [{ ...message, seq: -4 }] }));
    await world.time.pass(1000);
    expect([tab.errors.map(({ code }) => code), tab.session.cursor?.seq]).toEqual([['server'], 0]);
  });

  it.each([
    ['ready', 'subscriptions', { channel: 'topic:news', epoch: 'e', head: 1, cursor: -1 }],
    ['ready', 'subscriptions', { channel: 5, epoch: 'e', head: 1, cursor: 1 }],
    ['pong', 'subscriptions', { channel: 'topic:news', epoch: 'e', head: '1' }],
    ['published', 'results', null],
  ])('in a list is refused too: %s, %s, %j', async (event, list, element) => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    for (const value of [[element], 'no list'])
      world.server.open[0]?.raw(JSON.stringify({ ...ready, event, id: 'x', [list]: value }));
    await world.time.pass(1000);
    expect(tab.errors).toMatchObject([{ code: 'server', message: expect.stringContaining(list) }]);
    await world.live(tab);
  });

  it('and one without subscriptions is of a server without topics', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    world.server.open[0]?.raw(JSON.stringify({ event: 'pong', epoch: 'epoch-1', head: 0 }));
    await world.time.pass(1000);
    expect([tab.errors, tab.session.status.state, world.server.sockets.length]).toEqual([[], 'live', 1]);
  });

  it('as the wait it asks for is taken for what it can be', async () => {
    for (const retryAfterMs of [-1, 1e300, 'soon', null]) {
      const world = aWorld();
      const tab = world.open();
      await world.live(tab);
      world.server.bye('too_many_connections', { reconnect: true, retryAfterMs });
      await world.time.pass(61 * MINUTE_MS);
      expect(tab.session.status.state).toBe('live');
    }
  });
});

describe('the clock', () => {
  it('set back does not stop the pings', async () => {
    const world = aWorld();
    let backMs = 0;
    const tab = world.open({ env: { now: () => world.time.now - backMs } });
    await world.live(tab);
    backMs = 24 * 60 * MINUTE_MS;
    await world.time.pass(10 * MINUTE_MS);
    expect(world.server.heard.map(({ action }) => action)).toEqual(['ping']);
  });

  it('that went on while the steady one stood still shows that the machine slept', async () => {
    const world = aWorld();
    const startedAt = world.time.now;
    let asleepMs = 0;
    const monotonic = () => world.time.now - startedAt - asleepMs;
    const tab = world.open({ env: { monotonic } });
    await world.live(tab);
    for (const socket of world.server.open) socket.isSevered = true;
    world.publish(2);
    asleepMs = 5 * MINUTE_MS;
    await world.time.oversleep(5 * MINUTE_MS);
    await world.time.until(() => tab.seen.length === 2, 'the missed', 7000);
  });
});

describe('a network that goes', () => {
  it('is no reason to hurry; that it comes back is', async () => {
    const world = aWorld();
    const tab = world.open({ timing: { backoffBaseMs: 30_000 } });
    await world.live(tab);
    world.server.cut();
    await world.time.pass(0);
    tab.wake(false);
    await world.time.pass(10);
    expect(world.server.sockets.length).toBe(1);
    tab.wake(true);
    await world.time.pass(100);
    expect(world.server.sockets.length).toBe(2);
  });
});

describe('an iterator that is left while it waits', () => {
  it('ends at once and takes no message', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    const messages = tab.session.messages();
    const next = messages.next();
    const ends = await Promise.all([messages.return?.(), next, messages.next()]);
    expect(ends.map((end) => end?.done)).toEqual([true, true, true]);
    world.publish(2);
    await world.time.pass(500);
    expect([tab.seen, tab.session.cursor?.seq]).toEqual([[1, 2], 2]);
  });

  it('answers calls that come at once in order', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    const messages = tab.session.messages();
    const nexts = [messages.next(), messages.next(), messages.next()];
    world.publish(3);
    await world.time.pass(500);
    expect((await Promise.all(nexts)).map(({ value }) => value?.seq)).toEqual([1, 2, 3]);
    expect(tab.session.cursor?.seq).toBe(2);
  });
});

describe('an abort signal', () => {
  it('is let go when the client is closed', async () => {
    const world = aWorld();
    const { signal } = new AbortController();
    const listeners = new Set<unknown>();
    const watched = Object.assign(signal, {
      addEventListener: (_: string, listener: unknown) => listeners.add(listener),
      removeEventListener: (_: string, listener: unknown) => listeners.delete(listener),
    }) as AbortSignal;
    const tab = world.open({ signal: watched });
    await world.live(tab);
    expect(listeners.size).toBe(1);
    await Promise.all([tab.session.close(), world.time.pass(100)]);
    expect(listeners.size).toBe(0);
  });
});

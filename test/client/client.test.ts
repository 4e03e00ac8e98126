/** What a user of the client may rely on, against a model of the server in virtual time. */
import { describe, expect, it } from 'vitest';
import type { KeyValueStorage, Message } from '../../client/types.ts';
import { aWorld, type TabOptions, tokenOf, upTo } from './world.ts';

const MINUTE_MS = 60_000;

describe('messages', () => {
  it('come once and in order: what was missed, window by window, then what is live', async () => {
    const world = aWorld();
    world.publish(100);
    const tab = world.open();
    await world.live(tab);
    world.publish(5);
    await world.time.until(() => tab.seen.length === 105, 'all messages');
    expect(tab.seen).toEqual(upTo(105));
    expect(tab.statuses.map(({ state }) => state)).toEqual(['replaying', 'live']);
    expect(world.server.heard.filter(({ action }) => action === 'sync').map(({ after }) => after)).toEqual([
      48, 96,
    ]);
  });

  it('are asked for when a gap lasts 250 ms, and only then', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    world.server.network = { ...world.server.network, losesLive: () => true };
    world.publish(1);
    world.server.network = { ...world.server.network, losesLive: () => false };
    world.publish(1);
    await world.time.pass(200);
    expect([tab.seen, world.server.heard]).toEqual([[], []]);
    await world.time.pass(100);
    expect(tab.seen).toEqual([1, 2]);
  });

  it('of the device itself are passed over', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    world.publish(2, 'laptop');
    world.publish(1);
    await world.time.until(() => tab.seen.length > 0, 'a message');
    expect([tab.seen, tab.session.cursor?.seq]).toEqual([[3], 3]);
  });

  it('that expired are told', async () => {
    const world = aWorld();
    world.publish(10);
    for (const message of world.server.log.slice(0, 7)) message.isExpired = true;
    const tab = world.open();
    await world.live(tab);
    expect(tab.seen).toEqual([8, 9, 10]);
    expect(tab.expired.reduce((sum, { count }) => sum + count, 0)).toBe(7);
  });

  it('wait until somebody wants them', async () => {
    const world = aWorld();
    world.publish(3);
    const tab = world.open({ handler: () => new Promise(() => {}) });
    await world.live(tab);
    await world.time.pass(1000);
    expect([tab.session.cursor?.seq, world.server.cursorOf('laptop')]).toEqual([0, 0]);
  });
});

describe('acks', () => {
  const waiting = { timing: { ackBatch: 50 } };

  it('leave with the next ping: none has a frame of its own', async () => {
    const world = aWorld();
    const tab = world.open(waiting);
    await world.live(tab);
    world.publish(3);
    await world.time.pass(8 * MINUTE_MS);
    expect(world.server.heard).toEqual([]);
    await world.time.pass(2 * MINUTE_MS);
    expect(world.server.heard).toMatchObject([{ action: 'ping', acks: [{ channel: 'user:alice', seq: 3 }] }]);
    expect(world.server.cursorOf('laptop')).toBe(3);
    await world.time.pass(9 * MINUTE_MS);
    expect(world.server.heard.at(-1)).toEqual({ action: 'ping', connection: 0 });
  });

  it('leave at once when 50 have gathered, or 256 KB', async () => {
    const world = aWorld();
    const tab = world.open(waiting);
    await world.live(tab);
    world.publish(49);
    await world.time.pass(100);
    expect(world.server.heard).toEqual([]);
    world.publish(1);
    await world.time.pass(100);
    expect(world.server.heard).toMatchObject([{ action: 'ack', seq: 50 }]);
    for (let count = 0; count < 9; count++) world.server.publish('x'.repeat(30_000));
    await world.time.pass(100);
    expect(world.server.heard.slice(1)).toMatchObject([{ action: 'ack', seq: 59 }]);
  });

  it('leave at once when the page is hidden', async () => {
    const world = aWorld();
    const tab = world.open(waiting);
    await world.live(tab);
    world.publish(2);
    await world.time.pass(2000);
    expect(world.server.cursorOf('laptop')).toBe(0);
    tab.hide();
    await world.time.pass(100);
    expect(world.server.cursorOf('laptop')).toBe(2);
  });

  it('leave at once if somebody waits for them, also when only another tab listens', async () => {
    const world = aWorld();
    const env = { hasTabs: true };
    const tabs = [world.open({ ...waiting, env, handler: null }), world.open({ ...waiting, env })];
    await world.time.pass(2000);
    world.publish(1);
    await world.time.pass(1000);
    expect(world.server.heardOf('ack')).toEqual([]);
    world.server.publishUrgent();
    await world.time.pass(100);
    expect(world.server.heardOf('ack')).toMatchObject([{ seq: 2 }]);
    expect(tabs[1]?.seen).toEqual([1, 2]);
  });

  it('that did not leave before the connection was lost leave with the next', async () => {
    const world = aWorld();
    const tab = world.open(waiting);
    await world.live(tab);
    world.publish(2);
    await world.time.pass(1000);
    world.server.cut();
    await world.time.pass(5000);
    expect([tab.seen, world.server.cursorOf('laptop')]).toEqual([[1, 2], 2]);
  });

  it('that were lost are sent again, and their messages not surfaced again', async () => {
    const world = aWorld();
    const tab = world.open(waiting);
    await world.live(tab);
    world.publish(5);
    await world.time.pass(20);
    tab.kill();
    expect(world.server.cursorOf('laptop')).toBe(0);
    const again = world.open();
    await world.live(again);
    await world.time.pass(300);
    expect([tab.seen, again.seen, world.server.cursorOf('laptop')]).toEqual([upTo(5), [], 5]);
  });
});

describe('the position', () => {
  it('is the storage’s, where the server is ahead: what this storage has not seen is not lost', async () => {
    const world = aWorld();
    world.publish(10);
    world.server.advance('laptop', 8);
    world.storage.setItem(
      'herald:wss://herald.test/prod:laptop:user:alice',
      JSON.stringify({ epoch: 'epoch-1', seq: 4 }),
    );
    const tab = world.open();
    await world.time.until(() => tab.seen.length === 6, 'the rest');
    expect(tab.seen).toEqual(upTo(10, 5));
  });

  it('is the server’s, where nothing is stored', async () => {
    const world = aWorld();
    world.publish(10);
    world.server.advance('laptop', 8);
    const tab = world.open({ storage: undefined });
    await world.live(tab);
    expect(tab.seen).toEqual([9, 10]);
  });

  it('begins anew in another epoch, and says so', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    world.publish(5);
    await world.time.pass(500);
    world.server.forget('epoch-2');
    world.publish(2);
    world.server.cut();
    await world.time.until(() => tab.seen.length === 7, 'the new numbering');
    expect(tab.seen).toEqual([1, 2, 3, 4, 5, 1, 2]);
    expect(tab.resets).toEqual([{ from: { epoch: 'epoch-1', seq: 5 }, to: { epoch: 'epoch-2', seq: 0 } }]);
  });

  it('of one user is not another’s', async () => {
    const world = aWorld();
    world.publish(5);
    const first = world.open();
    await world.live(first);
    await first.session.close();
    world.server.userId = 'bob';
    world.server.forget('epoch-bob');
    world.publish(2);
    const second = world.open();
    await world.live(second);
    expect([second.seen, second.resets]).toEqual([[1, 2], []]);
  });

  it('survives a storage that fails, and the failure is told', async () => {
    const world = aWorld();
    const broken: KeyValueStorage = {
      getItem: () => Promise.reject(new Error('locked')),
      setItem: () => {
        throw new Error('full');
      },
    };
    world.publish(3);
    const tab = world.open({ storage: broken });
    await world.live(tab);
    await world.time.pass(500);
    expect([tab.seen, world.server.cursorOf('laptop')]).toEqual([[1, 2, 3], 3]);
    expect(new Set(tab.errors.map(({ code }) => code))).toEqual(new Set(['storage']));
  });
});

describe('a handler', () => {
  it('that rejects is called again; after five times its message is passed over and told', async () => {
    const world = aWorld();
    let calls = 0;
    const handler = ({ seq }: Message) => {
      if (seq !== 2) return;
      calls += 1;
      throw new Error('no');
    };
    world.publish(3);
    const tab = world.open({ handler });
    await world.time.until(() => tab.seen.length === 2, 'the others');
    expect([calls, tab.seen]).toEqual([5, [1, 3]]);
    expect(tab.errors).toMatchObject([
      { code: 'handler', notification: { seq: 2 }, cause: { message: 'no' } },
    ]);
  });

  it('that is slow slows the windows', async () => {
    const world = aWorld();
    world.publish(1000);
    const tab = world.open({ handler: () => world.time.sleep(100), timing: { maxBuffered: 10_000 } });
    await world.time.pass(5000);
    expect(tab.seen.length).toBeGreaterThan(40);
    expect(world.server.heard.filter(({ action }) => action === 'sync').length).toBeLessThanOrEqual(2);
    await world.time.until(() => tab.seen.length === 1000, 'all', 10 * MINUTE_MS);
    expect(tab.seen).toEqual(upTo(1000));
  });
});

describe('the iterator', () => {
  it('hands out one message at a time, finished when the next is asked for, and ends with close()', async () => {
    const world = aWorld();
    const { session } = world.open({ handler: () => {} });
    await world.time.pass(1000);
    world.publish(3);
    const seen: number[] = [];
    const loop = (async () => {
      for await (const { seq } of session.messages()) {
        seen.push(seq);
        await world.time.sleep(100);
      }
    })();
    await world.time.pass(150);
    expect([seen, session.cursor?.seq]).toEqual([[1, 2], 1]);
    await world.time.pass(1000);
    expect([seen, session.cursor?.seq]).toEqual([[1, 2, 3], 3]);
    await Promise.all([session.close(), world.time.pass(2000)]);
    await loop;
  });

  it('throws when the connection ends for good', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    const next = tab.session.messages().next();
    world.server.bye('revoked');
    const failure = expect(next).rejects.toMatchObject({ code: 'closed' });
    await world.time.pass(2000);
    await failure;
    expect(tab.session.status).toMatchObject({ state: 'closed', reason: 'revoked' });
  });
});

describe('a lost connection', () => {
  it('is followed by others after waits with full jitter, each with a fresh token', async () => {
    const world = aWorld();
    let tokens = 0;
    const tab = world.open({ token: () => `jwt-${++tokens}` });
    await world.live(tab);
    world.server.refusal = 0;
    world.server.cut();
    await world.time.pass(5 * MINUTE_MS);
    const waits = tab.statuses.flatMap((status) => (status.state === 'waiting' ? [status] : []));
    expect(waits.length).toBeGreaterThan(12);
    expect(waits.at(-1)?.failures).toBe(waits.length);
    expect(waits.at(-1)?.message).toContain('refused token');
    world.server.refusal = undefined;
    await world.live(tab);
    expect(world.server.sockets.map(({ token }) => token)).toEqual(upTo(tokens).map((one) => `jwt-${one}`));
  });

  it('waits as long as a bye asks for, whatever wakes it', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    world.server.bye('too_many_connections', { reconnect: true, retryAfterMs: 20_000 });
    await world.time.pass(10_000);
    tab.wake();
    await world.time.pass(9000);
    expect(world.server.sockets.length).toBe(1);
    await world.time.pass(2000);
    expect(tab.session.status.state).toBe('live');
  });

  it('does not come back after a final bye', async () => {
    for (const code of ['revoked', 'replaced', 'too_many_connections'] as const) {
      const world = aWorld();
      const tab = world.open();
      await world.live(tab);
      world.server.bye(code);
      await world.time.pass(10 * MINUTE_MS);
      expect([world.server.sockets.length, tab.session.status]).toMatchObject([1, { reason: code }]);
      expect(world.time.pending).toBe(0);
    }
  });

  it('comes back after token_expired with another token, and not with the same', async () => {
    let issued = 0;
    for (const [token, state] of [
      [() => `jwt-${++issued}`, 'live'],
      ['jwt', 'closed'],
    ] as const) {
      const world = aWorld();
      const tab = world.open({ token });
      await world.live(tab);
      world.server.bye('token_expired');
      await world.time.pass(5000);
      expect(tab.session.status.state).toBe(state);
    }
  });

  it('stops where the platform tells that the token is refused, after one more token', async () => {
    const world = aWorld();
    world.server.refusal = 401;
    const tab = world.open();
    await world.time.until(() => tab.session.status.state === 'closed', 'closed');
    expect(world.server.sockets.length).toBe(2);
    expect(tab.session.status).toMatchObject({ reason: 'refused', message: expect.stringContaining('401') });
  });

  it('tells that the token function failed, and tries again', async () => {
    const world = aWorld();
    let calls = 0;
    const token = () => (++calls === 1 ? Promise.reject(new Error('offline')) : 'jwt');
    const tab = world.open({ token });
    await world.live(tab);
    expect(tab.errors).toMatchObject([{ code: 'token', cause: { message: 'offline' } }]);
  });
});

describe('a half-open connection', () => {
  it('is unmasked when the page wakes', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    for (const socket of world.server.open) socket.isSevered = true;
    world.publish(2);
    tab.wake();
    await world.time.until(() => tab.seen.length === 2, 'the missed', 7000);
  });

  it('is unmasked after a sleep', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    for (const socket of world.server.open) socket.isSevered = true;
    world.publish(2);
    await world.time.oversleep(5 * MINUTE_MS);
    await world.time.until(() => tab.seen.length === 2, 'the missed', 7000);
  });

  it('is unmasked by the ping every nine minutes', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    world.server.pongs = false;
    await world.time.pass(9 * MINUTE_MS + 10_000);
    expect(world.server.sockets.length).toBe(2);
  });

  it('that answers is kept, and a head that is ahead is caught up with', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    world.server.network = { ...world.server.network, losesLive: () => true };
    world.publish(4);
    await world.time.pass(MINUTE_MS);
    expect(tab.seen).toEqual([]);
    await world.time.pass(9 * MINUTE_MS);
    expect([tab.seen, world.server.sockets.length]).toEqual([[1, 2, 3, 4], 1]);
  });
});

describe('hand-over', () => {
  it('replaces the connection between 110 and 118 minutes, with never a moment without one', async () => {
    const world = aWorld();
    const tab = world.open();
    await world.live(tab);
    await world.time.pass(110 * MINUTE_MS - 1000);
    expect(world.server.sockets.length).toBe(1);
    for (let second = 0; second < 8 * 60; second++) {
      world.publish(1);
      await world.time.pass(1000);
      expect(world.server.open.length).toBeGreaterThan(0);
    }
    expect(world.server.sockets.length).toBe(2);
    expect(world.server.sockets[1]?.url.searchParams.get('handover')).toBe('1');
    expect(world.server.open).toEqual([world.server.sockets[1]]);
    expect(tab.statuses.map(({ state }) => state)).toEqual(['replaying', 'live']);
    expect(tab.seen).toEqual(upTo(8 * 60));
  });

  it('that fails leaves the old connection and is tried again', async () => {
    const world = aWorld();
    const tab = world.open({ timing: { handoverAfterMs: 10_000 } });
    await world.live(tab);
    world.server.refusal = 0;
    await world.time.pass(12_000);
    expect([world.server.sockets.length, tab.session.status.state]).toEqual([2, 'live']);
    world.server.refusal = undefined;
    await world.time.pass(45_000);
    expect(tab.session.status.state).toBe('live');
    expect(world.server.sockets[0]?.isOpen).toBe(false);
  });
});

describe('hand-over gone wrong', () => {
  it('leaves a connection that was replaced for one that is gone: it connects again', async () => {
    const world = aWorld();
    const tab = world.open({ timing: { handoverAfterMs: 10_000 } });
    await world.live(tab);
    world.server.refusal = 0;
    await world.time.pass(12_000);
    world.server.refusal = undefined;
    world.server.bye('replaced');
    await world.time.pass(2000);
    expect([tab.session.status.state, world.server.open.length]).toEqual(['live', 1]);
  });

  it('does not take what the old connection brought in the meantime for another numbering', async () => {
    const world = aWorld();
    const { server, time } = world;
    const tab = world.open({ timing: { handoverAfterMs: 10_000 } });
    await world.live(tab);
    server.network = { ...server.network, delayMs: () => (server.sockets.length === 2 ? 100 : 5) };
    await time.until(() => server.sockets[1]?.isOpen === true, 'the next connection');
    server.network = { ...server.network, delayMs: () => 5 };
    world.publish(1);
    await time.pass(1000);
    expect([tab.seen, tab.resets, server.sockets[0]?.isOpen]).toEqual([[1], [], false]);
  });
});

describe('tabs', () => {
  const env = { hasTabs: true };

  it('share one connection and one position, and each gets every message', async () => {
    const world = aWorld();
    const tabs = [world.open({ env }), world.open({ env }), world.open({ env })];
    await world.time.pass(1000);
    world.publish(5);
    await world.time.pass(1000);
    expect(tabs.map(({ seen }) => seen)).toEqual([upTo(5), upTo(5), upTo(5)]);
    expect(tabs.map(({ session }) => session.status.state)).toEqual(['live', 'live', 'live']);
    expect(world.server.sockets.length).toBe(1);
  });

  it('of two users share nothing, whatever device they say they are', async () => {
    const world = aWorld();
    for (const user of ['alice', 'bob']) world.open({ env, token: tokenOf(user) });
    await world.time.pass(1000);
    expect(world.server.sockets.length).toBe(2);
  });

  it('hand over when the leader closes or is killed', async () => {
    const world = aWorld();
    const [first, second, third] = [world.open({ env }), world.open({ env }), world.open({ env })];
    await world.time.pass(1000);
    world.publish(2);
    await world.time.pass(1000);
    await Promise.all([first.session.close(), world.time.pass(2000)]);
    world.publish(2);
    await world.time.pass(1000);
    second.kill();
    world.publish(2);
    await world.time.pass(1000);
    expect([first.seen, second.seen, third.seen]).toEqual([upTo(2), upTo(4), upTo(6)]);
    expect(world.server.open.length).toBe(1);
  });

  it('that come later begin where the device stands', async () => {
    const world = aWorld();
    const first = world.open({ env });
    await world.live(first);
    world.publish(3);
    await world.time.pass(1000);
    const late = world.open({ env });
    await world.time.pass(1000);
    world.publish(1);
    await world.time.pass(1000);
    expect([late.seen, late.session.cursor]).toEqual([[4], first.session.cursor]);
  });

  it('are all closed by a final bye', async () => {
    const world = aWorld();
    const tabs = [world.open({ env }), world.open({ env })];
    await world.time.pass(1000);
    world.server.bye('revoked');
    await world.time.pass(5000);
    expect(tabs.map(({ session }) => session.status)).toMatchObject([
      { reason: 'revoked' },
      { reason: 'revoked' },
    ]);
    expect(world.server.sockets.length).toBe(1);
  });
});

describe('close()', () => {
  it('acknowledges what is finished, and leaves nothing behind', async () => {
    const world = aWorld();
    const tab = world.open({ timing: { ackBatch: 50 } });
    await world.live(tab);
    world.publish(3);
    await world.time.pass(50);
    await Promise.all([tab.session.close(), world.time.pass(100)]);
    expect(world.server.heard).toMatchObject([{ action: 'ack', seq: 3 }]);
    expect([world.server.open, world.time.pending]).toEqual([[], 0]);
    expect(tab.session.status).toMatchObject({ state: 'closed', reason: 'client' });
  });

  const never = new Promise<never>(() => {});

  it.each<[string, TabOptions]>([
    ['a token that never comes', { token: () => never }],
    ['a storage that never answers', { storage: { getItem: () => never, setItem: () => never } }],
    ['a device id being made', { deviceId: undefined }],
    ['a handler that has failed and is to be called again', { handler: () => Promise.reject(new Error()) }],
    ['an answer that never comes', {}],
  ])('leaves no timer behind, whatever is waited for: %s', async (_, options) => {
    const world = aWorld();
    world.server.lost.add('publish');
    const tab = world.open({ ...options, timing: { backoffBaseMs: 30_000 } });
    world.publish(1);
    tab.session.publish({ to: { topic: 'news' }, type: 'note' }).catch(() => {});
    await world.time.pass(100);
    expect(world.time.pending).toBeGreaterThan(0);
    void tab.session.close();
    await world.time.until(() => tab.session.status.state === 'closed', 'closed', 1500);
    // What is still on the wire arrives.
    await world.time.pass(10);
    expect(world.time.pending).toBe(0);
  });

  it('gives a handler a second, also one that waits for it', async () => {
    const world = aWorld();
    const tab = world.open({ handler: () => tab.session.close() });
    await world.live(tab);
    world.publish(2);
    await world.time.until(() => tab.session.status.state === 'closed', 'closed', 1500);
    await world.time.pass(100);
    expect(tab.seen).toEqual([1]);
  });

  it('is what an abort signal does', async () => {
    const world = aWorld();
    const controller = new AbortController();
    const tab = world.open({ signal: controller.signal });
    await world.live(tab);
    controller.abort();
    await world.time.until(() => tab.session.status.state === 'closed', 'closed');
    expect(world.server.open).toEqual([]);
  });
});

describe('what a client has never heard of', () => {
  it('is ignored: frames, fields, and what is no frame at all', async () => {
    const world = aWorld();
    const seen: Message[] = [];
    const tab = world.open({ handler: (message) => void seen.push(message) });
    await world.live(tab);
    const [socket] = world.server.open;
    for (const text of ['{"event":"dance"}', '{"message":"Forbidden"}', 'null', '7', 'no JSON'])
      socket?.raw(text);
    socket?.raw('{"event":"message","channel":"topic:news","seq":1,"id":"a","type":"t","data":1,"sentAt":1}');
    socket?.raw(
      '{"event":"message","channel":"user:alice","seq":1,"id":"b","type":"t","data":1,"sentAt":1,"new":1}',
    );
    await world.time.pass(500);
    expect(seen).toEqual([{ seq: 1, id: 'b', type: 't', data: 1, sentAt: 1 }]);
    expect([tab.errors, tab.session.status.state]).toEqual([[], 'live']);
  });
});

describe('herald.inbox', () => {
  it('says what to import where it was not given', async () => {
    const { session } = aWorld().open();
    expect(() => session.inbox).toThrow('import it from herald-client/inbox');
  });
});

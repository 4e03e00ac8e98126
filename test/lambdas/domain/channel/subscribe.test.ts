import { describe, expect, it } from 'vitest';
import { EVERYONE, topicChannel } from '../../../../lambdas/domain/model.ts';
import { handleFrame } from '../../../../lambdas/domain/session/commands.ts';
import type { ClientFrame } from '../../../../lambdas/protocol/client-frame.ts';
import { NO_PERMISSIONS, type Permissions } from '../../../../lambdas/protocol/permissions.ts';
import { refusing, type Socket, World } from '../../../support/world.ts';

const NEWS = topicChannel('news');
const ALLOWED: Permissions = { subscribe: ['topic:news'], publish: [] };

/** Has a connected client send a frame; returns the answer, if the domain leaves it to its caller. */
async function say(world: World, userId: string, frame: ClientFrame, permissions = ALLOWED) {
  const connection = (await world.connectionsOf(userId)).at(-1);
  if (!connection) throw new Error(`${userId} is not connected`);
  return await handleFrame(world.app, connection, frame, {
    permissions,
    deadlineAt: Number.POSITIVE_INFINITY,
    receivedAt: world.now,
  });
}

const subscribe = (world: World, userId: string, more: { after?: number; epoch?: string } = {}) =>
  say(world, userId, { action: 'subscribe', channel: NEWS.name, ref: 's', ...more });

const of = (socket: Socket, event: string) => socket.frames.filter((frame) => frame.event === event);
const dataOf = (socket: Socket) => socket.messages.map(({ data }) => data);

async function publishAll(world: World, contents: unknown[]): Promise<void> {
  for (const data of contents) await world.publish(NEWS, data);
}

describe('a subscription', () => {
  it('of a device that is new to the topic begins at its head', async () => {
    const world = new World();
    await publishAll(world, ['old']);
    const phone = await world.device('alice', 'phone');
    await subscribe(world, 'alice');
    expect(of(phone, 'subscribed')).toMatchObject([{ channel: NEWS.name, head: 1, cursor: 1, ref: 's' }]);
    await publishAll(world, ['new']);
    expect(dataOf(phone)).toEqual(['new']);
  });

  it('begins where the user’s most advanced device stands, on the next new device', async () => {
    const world = new World();
    await world.device('alice', 'phone');
    await subscribe(world, 'alice');
    await publishAll(world, ['a', 'b']);
    await world.app.connections.remove((await world.connectionsOf('alice'))[0] as never);
    await publishAll(world, ['c']);
    const laptop = await world.device('alice', 'laptop');
    await subscribe(world, 'alice');
    expect(dataOf(laptop)).toEqual(['c']);
  });

  it('brings what the device missed even if it seems that the answer did not arrive', async () => {
    const world = new World();
    await publishAll(world, ['a']);
    const phone = await world.device('alice', 'phone');
    phone.refusals = refusing('failed');
    await subscribe(world, 'alice', { after: 0 });
    phone.refusals = [];
    await world.drive();
    expect(dataOf(phone)).toEqual(['a']);
  });

  it.each([
    ['after what it names', { after: 1 }, ['b', 'c'], 1],
    ['at the head, if it names what is past it', { after: 9 }, [], 3],
    ['at the beginning, if it names another epoch', { after: 2, epoch: 'another' }, ['a', 'b', 'c'], 0],
  ])('begins %s', async (_where, more, expected, cursor) => {
    const world = new World();
    await publishAll(world, ['a', 'b', 'c']);
    const phone = await world.device('alice', 'phone');
    await subscribe(world, 'alice', more);
    expect(dataOf(phone)).toEqual(expected);
    expect(of(phone, 'subscribed')).toMatchObject([{ cursor }]);
    expect(await world.cursorIn(NEWS, 'alice', 'phone')).toBe(3);
  });

  it('is answered again, and replays again from where it says; it never moves the cursor back', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone', { ackMode: 'client' });
    await publishAll(world, ['a', 'b']);
    await subscribe(world, 'alice', { after: 0 });
    await say(world, 'alice', { action: 'ack', acks: [{ channel: NEWS.name, seq: 2 }] });
    await subscribe(world, 'alice', { after: 1 });
    expect(of(phone, 'subscribed')).toMatchObject([{ cursor: 0 }, { cursor: 1 }]);
    expect(dataOf(phone)).toEqual(['a', 'b', 'b']);
    expect(await world.cursorIn(NEWS, 'alice', 'phone')).toBe(2);
  });

  it('hears what is published while it is answered: its row is written before the head is read', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    const { openAll, open } = world.app.log;
    let published = false;
    world.app.log.open = async (channel) => {
      const head = await open(channel);
      if (channel.name === NEWS.name && !published) {
        published = true;
        await world.publish(NEWS, 'meanwhile');
      }
      return head;
    };
    world.app.log.openAll = openAll;
    await subscribe(world, 'alice');
    // Live and in the replay: a client drops the second by its seq.
    expect(new Set(dataOf(phone))).toEqual(new Set(['meanwhile']));
  });

  it('needs the token, an open topic or a membership', async () => {
    const world = new World({ settings: { openTopics: ['public.*'] } });
    await world.device('alice', 'phone');
    const refused = say(world, 'alice', { action: 'subscribe', channel: NEWS.name }, NO_PERMISSIONS);
    await expect(refused).rejects.toMatchObject({ code: 'forbidden' });
    await say(world, 'alice', { action: 'subscribe', channel: 'topic:public.news' }, NO_PERMISSIONS);
    await expect(
      say(world, 'alice', { action: 'subscribe', channel: 'topic:publics' }, NO_PERMISSIONS),
    ).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('is of a topic: the own channel is answered, another user’s is unknown, a misspelt one is told', async () => {
    const world = new World({ settings: { everyone: true } });
    await world.device('alice', 'phone');
    const all: Permissions = { subscribe: ['*'], publish: [] };
    const answer = (channel: string) => say(world, 'alice', { action: 'subscribe', channel, ref: 'r' }, all);
    expect(await answer('user:alice')).toMatchObject({ event: 'subscribed', head: 0, cursor: 0, ref: 'r' });
    expect(await answer('everyone')).toMatchObject({ event: 'subscribed', channel: 'everyone' });
    await expect(answer('user:bob')).rejects.toMatchObject({ code: 'unknown_channel', ref: 'r' });
    await expect(answer('topic:two words')).rejects.toMatchObject({ code: 'bad_frame' });
  });

  it('is one of at most so many', async () => {
    const world = new World({ settings: { maxSubscriptions: 2, everyone: true } });
    await world.device('alice', 'phone');
    const all: Permissions = { subscribe: ['topic:*'], publish: [] };
    for (const name of ['a', 'b', 'a'])
      await say(world, 'alice', { action: 'subscribe', channel: `topic:${name}` }, all);
    await expect(say(world, 'alice', { action: 'subscribe', channel: 'topic:c' }, all)).rejects.toMatchObject(
      {
        code: 'too_many_subscriptions',
      },
    );
    await say(world, 'alice', { action: 'unsubscribe', channel: 'topic:a' });
    await say(world, 'alice', { action: 'subscribe', channel: 'topic:c' }, all);
  });

  it('ends with the answer to `unsubscribe`, and keeps the cursor', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    await subscribe(world, 'alice');
    await publishAll(world, ['a']);
    expect(await say(world, 'alice', { action: 'unsubscribe', channel: NEWS.name, ref: 'u' })).toEqual({
      event: 'unsubscribed',
      channel: NEWS.name,
      code: 'requested',
      ref: 'u',
    });
    expect(await world.publish(NEWS, 'b')).toMatchObject({ connections: 0 });
    await subscribe(world, 'alice');
    expect(dataOf(phone)).toEqual(['a', 'b']);
    await expect(say(world, 'alice', { action: 'unsubscribe', channel: 'everyone' })).rejects.toMatchObject({
      code: 'bad_frame',
    });
  });

  it('goes with its connection: removed, or marked for its end', async () => {
    const world = new World();
    await world.device('alice', 'phone');
    await subscribe(world, 'alice');
    await world.device('bob', 'phone');
    await subscribe(world, 'bob');
    const [alice] = await world.connectionsOf('alice');
    const [bob] = await world.connectionsOf('bob');
    if (alice) await world.app.connections.remove(alice);
    if (bob) await world.app.connections.markClosing(bob, 'revoked', 'request');
    expect(await world.publish(NEWS, 'late')).toMatchObject({ connections: 0 });
  });

  it('of an anonymous device reaches back to where it began, and no further', async () => {
    const world = new World();
    await publishAll(world, ['old']);
    const anonymous = await world.device('alice');
    await subscribe(world, 'alice');
    await publishAll(world, ['new']);
    await say(world, 'alice', { action: 'sync', channel: NEWS.name, after: 0 });
    expect(dataOf(anonymous)).toEqual(['new', 'new']);
  });
});

describe('a channel that a connection does not hear', () => {
  it('is not synchronised', async () => {
    const world = new World();
    await world.device('alice', 'phone');
    await expect(say(world, 'alice', { action: 'sync', channel: NEWS.name })).rejects.toMatchObject({
      code: 'not_subscribed',
    });
  });

  it('is not acknowledged, unless the device has heard it', async () => {
    const world = new World();
    await publishAll(world, ['a']);
    await world.device('alice', 'phone', { ackMode: 'client' });
    const ack = () => say(world, 'alice', { action: 'ack', acks: [{ channel: NEWS.name, seq: 1 }] });
    await expect(ack()).rejects.toMatchObject({ code: 'not_subscribed' });
    await subscribe(world, 'alice', { after: 0 });
    await say(world, 'alice', { action: 'unsubscribe', channel: NEWS.name });
    await ack();
    expect(await world.cursorIn(NEWS, 'alice', 'phone')).toBe(1);
  });
});

describe('an ack of several channels', () => {
  it.each(['ack', 'ping'] as const)('moves all cursors, or none: of an %s', async (action) => {
    const world = new World();
    await world.device('alice', 'phone', { ackMode: 'client' });
    await subscribe(world, 'alice');
    await publishAll(world, ['a']);
    await world.publish('alice', 'own');
    const both = (seq: number): ClientFrame => ({
      action,
      acks: [{ seq: 1 }, { channel: NEWS.name, seq }],
    });
    await expect(say(world, 'alice', both(2))).rejects.toMatchObject({ code: 'ack_past_head' });
    expect(await world.cursor('alice', 'phone')).toBe(0);
    const answer = await say(world, 'alice', both(1));
    expect(answer?.event).toBe(action === 'ping' ? 'pong' : undefined);
    expect(await world.cursor('alice', 'phone')).toBe(1);
    expect(await world.cursorIn(NEWS, 'alice', 'phone')).toBe(1);
  });
});

describe('a pong', () => {
  it('tells the head of every channel that the connection hears', async () => {
    const world = new World({ settings: { everyone: true } });
    await world.device('alice', 'phone');
    await subscribe(world, 'alice');
    await publishAll(world, ['a', 'b']);
    await world.publish(EVERYONE, 'all');
    const pong = await say(world, 'alice', { action: 'ping' });
    expect(pong).toMatchObject({ event: 'pong', head: 0 });
    expect(pong).toHaveProperty(
      'subscriptions',
      expect.arrayContaining([
        expect.objectContaining({ channel: NEWS.name, head: 2 }),
        expect.objectContaining({ channel: 'everyone', head: 1 }),
      ]),
    );
  });
});

describe('a message to the application', () => {
  const frame: ClientFrame = { action: 'send', destination: 'orders/accept', data: { id: 1 }, ref: 'a' };

  it('is an event on its bus', async () => {
    const world = new World({ settings: { appMessages: true } });
    await world.device('alice', 'phone');
    expect(await say(world, 'alice', frame)).toEqual({ event: 'taken', ref: 'a' });
    expect(world.events).toMatchObject([
      {
        detailType: 'Client Message',
        detail: { userId: 'alice', deviceId: 'phone', destination: 'orders/accept', data: { id: 1 } },
      },
    ]);
  });

  it('is forbidden where the stack takes none', async () => {
    const world = new World();
    await world.device('alice', 'phone');
    await expect(say(world, 'alice', frame)).rejects.toMatchObject({ code: 'forbidden', ref: 'a' });
    expect(world.events).toEqual([]);
  });
});

describe('an ack that names one channel twice', () => {
  it('counts with its farther seq', async () => {
    const world = new World();
    await world.device('alice', 'phone', { ackMode: 'client' });
    await world.publish('alice', 'a');
    await world.publish('alice', 'b');
    await say(world, 'alice', { action: 'ack', acks: [{ seq: 2 }, { seq: 1 }] });
    expect(await world.cursor('alice', 'phone')).toBe(2);
  });
});

import { describe, expect, it } from 'vitest';
import { join, leave } from '../../../../lambdas/domain/channel/members.ts';
import { topicChannel } from '../../../../lambdas/domain/model.ts';
import { handleFrame } from '../../../../lambdas/domain/session/commands.ts';
import type { ClientFrame } from '../../../../lambdas/protocol/client-frame.ts';
import { NO_PERMISSIONS } from '../../../../lambdas/protocol/permissions.ts';
import { type Socket, World } from '../../../support/world.ts';

const NEWS = topicChannel('news');
const PERMITTED = { subscribe: [NEWS.name], publish: [] };

async function say(world: World, frame: ClientFrame, permissions = NO_PERMISSIONS) {
  const connection = (await world.connectionsOf('alice')).at(-1);
  if (!connection) throw new Error('alice is not connected');
  const means = { permissions, deadlineAt: Number.POSITIVE_INFINITY, receivedAt: world.now };
  return await handleFrame(world.app, connection, frame, means);
}

const dataOf = (socket: Socket) => socket.messages.map(({ data }) => data);
const of = (socket: Socket, event: string) => socket.frames.filter((frame) => frame.event === event);

async function disconnect(world: World): Promise<void> {
  for (const connection of await world.connectionsOf('alice')) await world.app.connections.remove(connection);
}

describe('a user who joins', () => {
  it('hears the topic on open connections from then on, and is told so', async () => {
    const world = new World();
    await world.publish(NEWS, 'before');
    const phone = await world.device('alice', 'phone');
    expect(await join(world.app, 'news', 'alice')).toMatchObject({ joined: { seq: 1 } });
    await world.publish(NEWS, 'as soon as it was answered');
    await world.drive();
    expect(of(phone, 'subscribed')).toMatchObject([{ channel: NEWS.name, cursor: 1 }]);
    expect(dataOf(phone)).toEqual(['as soon as it was answered']);
  });

  it('hears on an anonymous connection, too, what was published since that was answered', async () => {
    const world = new World();
    await world.publish(NEWS, 'before');
    const anonymous = await world.device('alice');
    await join(world.app, 'news', 'alice');
    await world.publish(NEWS, 'since');
    await world.drive();
    expect(of(anonymous, 'subscribed')).toMatchObject([{ channel: NEWS.name, head: 2, cursor: 1 }]);
    expect(dataOf(anonymous)).toEqual(['since']);
  });

  it('hears nothing of before joining, even if its publisher repeats the request', async () => {
    const world = new World();
    await world.publish(NEWS, 'before', { id: 'one' });
    const phone = await world.device('alice', 'phone');
    await join(world.app, 'news', 'alice');
    await world.drive();
    await world.publish(NEWS, 'before', { id: 'one' });
    expect(dataOf(phone)).toEqual([]);
  });

  it('hears on a device that comes back what was published since, and nothing from before', async () => {
    const world = new World();
    await world.publish(NEWS, 'before');
    await join(world.app, 'news', 'alice');
    await world.publish(NEWS, 'since');
    const phone = await world.device('alice', 'phone');
    expect(of(phone, 'ready')).toMatchObject([
      { subscriptions: [{ channel: NEWS.name, head: 2, cursor: 1 }] },
    ]);
    expect(dataOf(phone)).toEqual(['since']);
    await say(world, { action: 'sync', channel: NEWS.name, after: 0 });
    await say(world, { action: 'subscribe', channel: NEWS.name, after: 0 });
    expect(dataOf(phone)).toEqual(['since', 'since', 'since']);
  });

  it('who joins again begins there: an old cursor brings nothing of the time between', async () => {
    const world = new World();
    await join(world.app, 'news', 'alice');
    await world.device('alice', 'phone');
    await world.publish(NEWS, 'as a member');
    await disconnect(world);
    await leave(world.app, 'news', 'alice');
    await world.publish(NEWS, 'secret');
    await join(world.app, 'news', 'alice');
    await world.publish(NEWS, 'again');
    const phone = await world.device('alice', 'phone');
    expect(dataOf(phone)).toEqual(['again']);
  });

  it('twice joined when they did, and hears nothing twice', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    const first = await join(world.app, 'news', 'alice');
    await world.publish(NEWS, 'a');
    expect(await join(world.app, 'news', 'alice')).toEqual(first);
    await world.drive();
    expect(dataOf(phone)).toEqual(['a']);
  });

  it('is refused beyond 100 topics', async () => {
    const world = new World();
    for (let topic = 0; topic < 100; topic++) await join(world.app, `t${topic}`, 'alice');
    await expect(join(world.app, 'one-more', 'alice')).rejects.toMatchObject({ code: 'too_many_topics' });
    await join(world.app, 't0', 'alice');
  });

  it('while a connection opens is heard by it, whichever comes first', async () => {
    const world = new World();
    const phone = await world.open('alice', 'phone');
    await join(world.app, 'news', 'alice');
    await world.publish(NEWS, 'while opening');
    await world.drive();
    // The join asks for a replay, and so does `ready`: a client drops by its seq what comes twice.
    expect(new Set(dataOf(phone))).toEqual(new Set(['while opening']));
  });
});

describe('a user who is removed', () => {
  it('hears nothing that is published after that was answered', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    await join(world.app, 'news', 'alice');
    await world.drive();
    expect(await leave(world.app, 'news', 'alice')).toBe(true);
    expect(of(phone, 'unsubscribed')).toEqual([
      { event: 'unsubscribed', channel: NEWS.name, code: 'removed' },
    ]);
    expect(await world.publish(NEWS, 'secret')).toMatchObject({ connections: 0 });
    await expect(say(world, { action: 'sync', channel: NEWS.name })).rejects.toMatchObject({
      code: 'not_subscribed',
    });
    await expect(say(world, { action: 'subscribe', channel: NEWS.name })).rejects.toMatchObject({
      code: 'forbidden',
    });
    expect(dataOf(phone)).toEqual([]);
    expect(await leave(world.app, 'news', 'alice')).toBe(false);
  });

  it('stays where its client had subscribed itself, and may', async () => {
    const world = new World();
    const phone = await world.device('alice', 'phone');
    await join(world.app, 'news', 'alice');
    await world.drive();
    await say(world, { action: 'subscribe', channel: NEWS.name }, PERMITTED);
    await leave(world.app, 'news', 'alice');
    await world.publish(NEWS, 'still');
    expect(dataOf(phone)).toEqual(['still']);
    expect(of(phone, 'unsubscribed')).toEqual([]);
  });

  it('cannot be brought back by a subscribe that was under way', async () => {
    const world = new World();
    await join(world.app, 'news', 'alice');
    await world.device('alice', 'phone');
    await say(world, { action: 'unsubscribe', channel: NEWS.name });
    const { find } = world.app.members;
    world.app.members.find = async (userId, topic) => {
      const member = await find(userId, topic);
      world.app.members.find = find;
      await leave(world.app, 'news', 'alice');
      return member;
    };
    await expect(say(world, { action: 'subscribe', channel: NEWS.name })).rejects.toMatchObject({
      code: 'forbidden',
    });
    expect(await world.publish(NEWS, 'secret')).toMatchObject({ connections: 0 });
  });
});

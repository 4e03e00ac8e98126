/** Erasing a user: nothing is left, nothing late comes back, and nobody else is touched. */
import { describe, expect, it } from 'vitest';
import { join } from '../../../lambdas/domain/channel/members.ts';
import { erase } from '../../../lambdas/domain/erase.ts';
import { mark } from '../../../lambdas/domain/inbox/read-state.ts';
import { topicChannel, userChannel } from '../../../lambdas/domain/model.ts';
import { ack } from '../../../lambdas/domain/session/commands.ts';
import { World } from '../../support/world.ts';

const NEVER = Number.POSITIVE_INFINITY;
const NEWS = topicChannel('news');

/** A user with a device that has read and acknowledged, and a membership. */
async function worldOf(...users: string[]): Promise<World> {
  const world = new World();
  for (const user of users) {
    await world.device(user, 'phone');
    await join(world.app, 'news', user);
    await world.drive();
    await world.publish(user, 1, { id: 'order-1' });
    await world.publish(user, 2);
    await mark(world.app, user, { through: 1 });
  }
  await world.publish(NEWS, 'to members');
  await world.drive();
  return world;
}

/** Everything that is kept of a user, as far as anybody can ask. */
async function keptOf({ app }: World, userId: string) {
  const channel = userChannel(userId);
  return {
    connections: await app.connections.list(userId),
    devices: await app.devices.list(userId),
    furthest: await app.devices.findFurthest(userId, channel.name),
    cursor: await app.cursors.find({ userId, deviceId: `${NEWS.name}#phone` }),
    furthestInTopic: await app.cursors.findFurthest(userId, NEWS.name),
    topics: await app.members.topicsOf(userId),
    readState: await app.readStates.find(userId),
    head: await app.log.head(channel),
    seqOfKey: await app.log.seqOf(channel, 'order-1'),
  };
}

const NOTHING = {
  connections: [],
  devices: [],
  furthest: undefined,
  cursor: undefined,
  furthestInTopic: undefined,
  topics: [],
  readState: undefined,
  head: undefined,
  seqOfKey: undefined,
};

describe('erasing a user', () => {
  it('leaves nothing of the user, and everything of others', async () => {
    const world = await worldOf('alice', 'bob');
    const bobs = await keptOf(world, 'bob');
    const { erased, more } = await erase(world.app, 'alice', NEVER);
    expect(more).toBe(false);
    expect(erased).toBeGreaterThan(8);
    expect(await keptOf(world, 'alice')).toEqual(NOTHING);
    expect(await keptOf(world, 'bob')).toEqual(bobs);
    expect(await erase(world.app, 'alice', NEVER)).toEqual({ erased: 0, more: false });
  });

  it('closes the connections, which are told why', async () => {
    const world = await worldOf('alice');
    const [socket] = world.sockets.values();
    await erase(world.app, 'alice', NEVER);
    expect(socket?.frames.at(-1)).toMatchObject({ event: 'bye', code: 'revoked' });
    expect(socket?.state).toBe('closed');
  });

  it('begins a new epoch when the channel is used again', async () => {
    const world = await worldOf('alice');
    const before = await world.app.log.head(userChannel('alice'));
    await erase(world.app, 'alice', NEVER);
    expect(await world.publish('alice', 'again', { id: 'order-1' })).toMatchObject({
      seq: 1,
      duplicate: false,
    });
    const after = await world.app.log.head(userChannel('alice'));
    expect(after?.seq).toBe(1);
    expect(after?.epoch).not.toBe(before?.epoch);
    const socket = await world.device('alice', 'phone');
    expect(socket.frames[0]).toMatchObject({ event: 'ready', read: { version: 0, through: 0, seqs: [] } });
    expect(socket.messages.map(({ data }) => data)).toEqual(['again']);
  });

  it('takes what time and rows allow, and says that there is more', async () => {
    const world = await worldOf('alice');
    expect(await erase(world.app, 'alice', world.now)).toMatchObject({ more: true });
    expect(await world.app.log.head(userChannel('alice'))).toBeDefined();
    expect(await erase(world.app, 'alice', NEVER)).toMatchObject({ more: false });
    expect(await keptOf(world, 'alice')).toEqual(NOTHING);
  });

  it('removes at most 5,000 rows in one call', async () => {
    const world = new World();
    for (let seq = 1; seq <= 5_010; seq++) await world.publish('alice', seq);
    expect(await erase(world.app, 'alice', NEVER)).toEqual({ erased: 5_000, more: true });
    // The rest, and the head.
    expect(await erase(world.app, 'alice', NEVER)).toEqual({ erased: 11, more: false });
  });

  it('is not over while a connection cannot be closed', async () => {
    const world = await worldOf('alice');
    const [socket] = world.sockets.values();
    if (socket) socket.state = 'opening';
    const stuck = { ...world.app, gateway: { ...world.app.gateway, close: async () => 'failed' as const } };
    expect(await erase(stuck, 'alice', NEVER)).toMatchObject({ more: true });
    expect(await erase(world.app, 'alice', NEVER)).toMatchObject({ more: false });
  });
});

describe('nothing late brings a row back', () => {
  it('not an ack, a mark, a message that is delivered, nor a reconcile', async () => {
    const world = await worldOf('alice');
    const [connection] = await world.connectionsOf('alice');
    if (!connection) throw new Error('no connection');
    const sender = { ...connection, deviceId: 'phone' };
    await erase(world.app, 'alice', NEVER);

    await ack(world.app, sender, [{ seq: 0 }]);
    await ack(world.app, sender, [{ seq: 2 }]).catch(() => undefined);
    expect(await mark(world.app, 'alice', { through: 2 })).toMatchObject({ refused: 'past_head' });
    await world.app.subscriptions.requestReconcile({ channel: userChannel('alice'), ...connection }, 'late');
    await world.drive();
    await world.app.connections.remove(connection);
    expect(await keptOf(world, 'alice')).toEqual(NOTHING);
  });

  it('not a reconcile that found the connection before', async () => {
    const world = new World();
    await world.open('alice', 'phone');
    const { find } = world.app.connections;
    let erasedOnce = false;
    world.app.connections.find = async (key) => {
      const found = await find(key);
      if (!erasedOnce && found) {
        erasedOnce = true;
        await erase(world.app, 'alice', NEVER);
      }
      return found;
    };
    await world.drive();
    expect(erasedOnce).toBe(true);
    expect(await keptOf(world, 'alice')).toEqual(NOTHING);
  });

  it('not a mark that found the channel before', async () => {
    const world = new World();
    await world.publish('alice', 1);
    const { find } = world.app.readStates;
    world.app.readStates.find = async (userId) => {
      const found = await find(userId);
      world.app.readStates.find = find;
      await erase(world.app, 'alice', NEVER);
      return found;
    };
    expect(await mark(world.app, 'alice', { through: 1 })).toMatchObject({ refused: 'past_head' });
    expect(await keptOf(world, 'alice')).toEqual(NOTHING);
  });

  it('and a mark of before marks no message of after', async () => {
    const world = new World();
    await world.publish('alice', 1);
    const { find } = world.app.readStates;
    world.app.readStates.find = async (userId) => {
      world.app.readStates.find = find;
      const found = await find(userId);
      await erase(world.app, 'alice', NEVER);
      await world.publish('alice', 'anew');
      return found;
    };
    expect(await mark(world.app, 'alice', { through: 1 })).toMatchObject({ refused: 'past_head' });
    expect(await world.app.readStates.find('alice')).toBeUndefined();
  });
});

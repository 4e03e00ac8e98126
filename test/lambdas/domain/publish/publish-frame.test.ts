import { describe, expect, it } from 'vitest';
import { receivePublish } from '../../../../lambdas/domain/publish/publish-frame.ts';
import type { Sender } from '../../../../lambdas/domain/session/admit.ts';
import { parsePublishFrame } from '../../../../lambdas/wire/herald/parse.ts';
import { type Socket, World } from '../../../support/world.ts';

/** Sends a frame as the only connection of a user. */
async function publishAs(
  world: World,
  userId: string,
  fields: Record<string, unknown>,
  allowed = ['user:*'],
): Promise<void> {
  const [connection] = await world.connectionsOf(userId);
  if (connection === undefined) throw new Error(`${userId} is not connected`);
  const sender: Sender = {
    ...connection,
    permissions: { subscribe: [], publish: allowed },
  };
  await receivePublish(
    world.app,
    sender,
    parsePublishFrame(JSON.stringify({ action: 'publish', type: 'note', ...fields })),
  );
}

const answersOf = ({ frames }: Socket) =>
  frames.filter(({ event }) => ['published', 'error'].includes(event));

describe('a message that a client publishes to several users', () => {
  it('is not told to the device that sent it, but to every other, also of the same name', async () => {
    const world = new World();
    const mine = await world.device('alice', 'phone');
    const theirs = await world.device('bob', 'phone');
    await publishAs(world, 'alice', { to: { users: ['alice', 'bob'] }, data: 'hello' });
    expect(answersOf(mine)).toMatchObject([{ event: 'published', results: [{ seq: 1 }, { seq: 1 }] }]);
    expect(mine.live).toEqual([]);
    expect(theirs.live).toMatchObject([{ channel: 'user:bob', data: 'hello' }]);
  });

  it('tells the tab that sent it to its own device alone', async () => {
    const world = new World();
    const mine = await world.device('alice', 'phone');
    const theirs = await world.device('bob', 'phone');
    await publishAs(world, 'alice', { to: { users: ['alice', 'bob'] }, data: 'hello', tab: '7f3a' });
    expect(mine.live).toMatchObject([{ origin: '7f3a' }]);
    expect(theirs.live).toHaveLength(1);
    expect(theirs.live[0]).not.toHaveProperty('origin');
  });

  it('is refused as a whole when the token allows one of them only', async () => {
    const world = new World();
    const mine = await world.device('alice', 'phone');
    const theirs = await world.device('bob', 'phone');
    await publishAs(world, 'alice', { to: { users: ['bob', 'carol'] }, ref: 'p1' }, ['user:bob']);
    expect(answersOf(mine)).toMatchObject([{ event: 'error', code: 'forbidden', ref: 'p1' }]);
    expect(theirs.live).toEqual([]);
  });
});

it('a message that an anonymous device publishes comes back to it: nothing tells it from others', async () => {
  const world = new World();
  const mine = await world.device('alice');
  await publishAs(world, 'alice', { to: { user: 'alice' }, data: 'hello' });
  expect(mine.live).toMatchObject([{ data: 'hello' }]);
});

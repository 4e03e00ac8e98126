/** A message can be followed through the log, from publish to post, replay and ack, by its channel and seq. */
import { describe, expect, it } from 'vitest';
import { handleFrame } from '../../../../lambdas/domain/session/commands.ts';
import { NO_ORIGIN } from '../../../../lambdas/protocol/notification.ts';
import { NO_PERMISSIONS } from '../../../../lambdas/protocol/permissions.ts';
import { parseClientFrame } from '../../../../lambdas/wire/herald/parse.ts';
import { World } from '../../../support/world.ts';

type Fields = Record<string, unknown>;

/** What the query "where is message X" of the stack finds, given its channel and seq. */
const follow = ({ logger }: World, channel: string, seq: number) =>
  logger.entries
    .filter(({ message, fields }) => {
      const { channel: on, seq: at, after, through } = fields as Fields;
      if (on !== channel) return false;
      return at === seq || (Number(through) >= seq && (Number(after) < seq || message === 'acked'));
    })
    .map(({ message, fields }) => [message, fields.deviceId ?? fields.id, fields.delivery].filter(Boolean));

async function ack(world: World, userId: string, seq: number) {
  const [connection] = await world.connectionsOf(userId);
  if (!connection) throw new Error('not connected');
  await handleFrame(world.app, connection, parseClientFrame(JSON.stringify({ action: 'ack', seq })), {
    permissions: NO_PERMISSIONS,
    deadlineAt: Number.MAX_VALUE,
    receivedAt: world.now,
  });
}

describe('a message', () => {
  it('that is delivered live: published, delivered, acked', async () => {
    const world = new World();
    await world.device('alice', 'phone', { ackMode: 'client' });
    const { seq } = await world.publish('alice', 'data', { id: 'order-1' });
    await ack(world, 'alice', seq);
    expect(follow(world, 'user:alice', seq)).toEqual([
      ['delivered', 'phone', 'sent'],
      ['published', 'order-1'],
      ['acked', 'phone'],
    ]);
  });

  it('that waits for a device that is away: published, replayed, acked', async () => {
    const world = new World();
    await world.device('alice', 'phone');
    for (const socket of world.sockets.values()) socket.state = 'closed';
    world.now += 61_000;
    const { seq } = await world.publish('alice', 'data', { id: 'order-1' });
    await world.publish('alice', 'more', { id: 'order-2' });
    await world.device('alice', 'phone');
    expect(follow(world, 'user:alice', seq)).toEqual([
      ['not delivered', 'phone', 'gone'],
      ['published', 'order-1'],
      ['replayed', 'phone'],
      ['acked', 'phone'],
    ]);
  });

  it('that its own device caused: not delivered to it, and why', async () => {
    const world = new World();
    await world.device('alice', 'phone');
    const { seq } = await world.publish('alice', 'data', { origin: { ...NO_ORIGIN, deviceId: 'phone' } });
    expect(follow(world, 'user:alice', seq)[0]).toEqual(['not delivered', 'phone', 'excluded']);
  });
});

describe('the metrics', () => {
  it('count what the dashboard shows', async () => {
    const world = new World();
    await world.device('alice', 'phone', { ackMode: 'client' });
    const away = await world.open('alice', 'tablet');
    await world.publish('alice', 'data', { id: 'order-1' });
    away.refusals.push('throttled');
    await world.drive();
    const { totals } = world.logger;
    expect(Object.fromEntries(totals)).toMatchObject({
      connected: 2,
      published: 1,
      sent: 1,
      deferred: 1,
      postsThrottled: 1,
      replayed: 1,
    });
    for (const name of ['postMs', 'connectToReadyMs', 'catchUpMs', 'cursorLag']) {
      expect(totals.get(name), name).toBeGreaterThanOrEqual(0);
    }
  });
});

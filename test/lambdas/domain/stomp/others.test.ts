/** What clients of JSON pay for clients of STOMP: nothing. */
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { openConnection } from '../../../../lambdas/domain/connection/open.ts';
import { userChannel } from '../../../../lambdas/domain/model.ts';
import { ack } from '../../../../lambdas/domain/session/commands.ts';
import { reconcile } from '../../../../lambdas/domain/session/reconcile.ts';
import type { Settings } from '../../../../lambdas/domain/settings.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { StompWorld } from '../../../support/stomp-world.ts';

const running = useDynamoDb();

/** The calls to DynamoDB of a client that connects, hears a message and acknowledges it. */
async function callsWith(settings: Partial<Settings>): Promise<string[]> {
  const world = new StompWorld(running(), settings);
  const { app } = world;
  const posted: string[] = [];
  app.gateway.post = async (_connection, { event }) => {
    posted.push(event);
    return 'sent';
  };
  app.loadPump = () => Promise.reject(new Error('loaded for a client of JSON'));
  const userId = `user-${randomUUID()}`;
  const key = { userId, connectionId: `${randomUUID()}=` };
  await openConnection(app, {
    ...key,
    deviceId: 'phone',
    dialect: 'herald.v1',
    ackMode: 'client',
    handover: false,
    connectedAt: world.now,
    tokenExpiresAt: world.now + 3_600_000,
  });
  const channel = userChannel(userId);
  await reconcile(app, { ...key, channel, after: undefined }, Number.POSITIVE_INFINITY);
  await world.publish(userId, 1);
  await ack(app, { ...key, deviceId: 'phone' }, [{ channel: channel.name, seq: 1 }]);
  expect(posted).toEqual(expect.arrayContaining(['ready', 'message']));
  return world.calls;
}

it('no call more is made for them where STOMP is on', async () => {
  const without = await callsWith({ stomp: undefined });
  expect(without.length).toBeGreaterThan(5);
  expect(await callsWith({})).toEqual(without);
});

/** A replay sends a window at most, and less when its invocation runs out of time: it asks for another one to go on. */
import { describe, expect, it } from 'vitest';
import type { Invocation } from '../../../lambdas/handlers/events.ts';
import { createMessageHandler } from '../../../lambdas/handlers/message.ts';
import { createReconcileHandler } from '../../../lambdas/handlers/reconcile.ts';
import { LAMBDAS, type LambdaName } from '../../../lambdas/manifest.ts';
import { REPLAY_WINDOW_FRAMES } from '../../../lambdas/protocol/limits.ts';
import { loadNoStomp, withoutStomp } from '../../support/no-stomp.ts';
import { type Socket, World } from '../../support/world.ts';

const MISSED = 2 * REPLAY_WINDOW_FRAMES;

const withSeconds = (seconds: number): Invocation => ({
  awsRequestId: 'request-1',
  getRemainingTimeInMillis: () => seconds * 1000,
});

const fresh = (name: LambdaName): Invocation => withSeconds(LAMBDAS[name].timeoutSeconds);

/** A device that missed two windows of one message a frame, and connects. */
async function comesBack(): Promise<{ world: World; phone: Socket }> {
  const world = new World();
  await world.device('alice', 'phone');
  world.sockets.clear();
  for (let seq = 1; seq <= MISSED; seq++) await world.publish('alice', 'x'.repeat(20_000));
  world.requests.length = 0;
  return { world, phone: await world.open('alice', 'phone') };
}

describe('reconcile', () => {
  const run = async (world: World, invocation: Invocation) => {
    const Records = world.requests.splice(0).map(({ userId, connectionId, requestId, after }) => {
      const Keys = { userId: { S: userId }, connectionId: { S: connectionId } };
      const NewImage = {
        ...Keys,
        deviceId: { S: 'phone' },
        replayRequestId: { S: requestId },
        ...(after !== undefined && { replayAfter: { N: String(after) } }),
      };
      return { eventName: 'MODIFY' as const, dynamodb: { Keys, NewImage, SequenceNumber: '1' } };
    });
    expect(await createReconcileHandler({ ...world.app, ...withoutStomp })({ Records }, invocation)).toEqual({
      batchItemFailures: [],
    });
  };

  it('sends a window and makes way for others, then the rest', async () => {
    const { world, phone } = await comesBack();
    await run(world, fresh('reconcile'));
    expect(phone.replays).toHaveLength(REPLAY_WINDOW_FRAMES);
    expect(world.requests).toEqual([expect.objectContaining({ after: REPLAY_WINDOW_FRAMES })]);
    await run(world, fresh('reconcile'));
    expect(phone.messages).toHaveLength(MISSED);
    expect(world.requests).toEqual([]);
  });

  it('stops after a frame when little time is left', async () => {
    const { world, phone } = await comesBack();
    await run(world, withSeconds(10));
    expect(phone.replays).toHaveLength(1);
    expect(world.requests).toEqual([expect.objectContaining({ after: 1 })]);
  });
});

describe('a sync', () => {
  const sync = async (world: World, invocation: Invocation) => {
    const connectionId = [...world.sockets.keys()].at(-1) ?? '';
    const event = {
      requestContext: {
        eventType: 'MESSAGE' as const,
        connectionId,
        connectedAt: world.now,
        requestTimeEpoch: world.now,
        authorizer: {
          userId: 'alice',
          deviceId: 'phone',
          ackMode: 'auto',
          tokenExpiresAt: `${world.now + 60_000}`,
        },
      },
      body: '{"action":"sync","after":0}',
    };
    world.requests.length = 0;
    await createMessageHandler(world.app, loadNoStomp)(event, invocation);
  };

  it('is answered by a window, and in mode auto goes on elsewhere', async () => {
    const { world, phone } = await comesBack();
    await sync(world, fresh('message'));
    expect(phone.replays).toHaveLength(REPLAY_WINDOW_FRAMES);
    expect(world.requests).toEqual([expect.objectContaining({ after: REPLAY_WINDOW_FRAMES })]);
  });

  it('is answered by a frame and goes on elsewhere when little time is left', async () => {
    const { world, phone } = await comesBack();
    await sync(world, withSeconds(5));
    expect(phone.replays).toHaveLength(1);
    expect(world.requests).toEqual([expect.objectContaining({ after: 1 })]);
  });
});

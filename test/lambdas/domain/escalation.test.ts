/** When the application is told that nobody has answered a message, with wake-ups that come late, twice or at once. */
import { describe, expect, it } from 'vitest';
import { acknowledge } from '../../../lambdas/domain/cursor.ts';
import { type EscalationApp, lookUpUnanswered } from '../../../lambdas/domain/escalation.ts';
import { mark } from '../../../lambdas/domain/inbox/read-state.ts';
import { withdraw } from '../../../lambdas/domain/inbox/withdraw.ts';
import { EVERYONE, userChannel } from '../../../lambdas/domain/model.ts';
import type { EscalationTask } from '../../../lambdas/domain/ports/later.ts';
import { publish } from '../../../lambdas/domain/publish/publish.ts';
import type { Answer } from '../../../lambdas/protocol/escalate.ts';
import { NO_ORIGIN, type Notification } from '../../../lambdas/protocol/notification.ts';
import { createMemoryUnanswered } from '../../support/memory-unanswered.ts';
import { START, World } from '../../support/world.ts';

const ALICE = userChannel('alice');
const within = (afterSeconds: number, unless: Answer = 'acked') => ({ escalate: { afterSeconds, unless } });

class Watch extends World {
  readonly looking: EscalationApp = { ...this.app, unanswered: createMemoryUnanswered(this.rows) };

  /** Serves every wake-up when it is due, and those that they ask for in turn. */
  async lookUpAll(): Promise<void> {
    for (let task = this.escalations.shift(); task !== undefined; task = this.escalations.shift()) {
      this.now += task.delaySeconds * 1000;
      await lookUpUnanswered(this.looking, task);
    }
  }

  /** Publishes one, and lets its time pass. */
  async untilDue(options: Partial<Notification>, meanwhile: () => Promise<unknown> = async () => {}) {
    const { seq } = await this.publish('alice', 'help', options);
    await meanwhile();
    await this.lookUpAll();
    return seq;
  }

  async ack(deviceId: string, seq: number): Promise<void> {
    const { epoch } = await this.app.log.open(ALICE);
    await acknowledge(this.app, { userId: 'alice', connectionId: 'c', deviceId }, ALICE, { epoch, seq });
  }

  get told(): unknown[] {
    return this.events.map(({ detailType, detail }) => `${detailType} ${detail.seq}`);
  }
}

describe('a message that is to be answered', () => {
  it('is told to the application when nobody has acknowledged it in time', async () => {
    const world = new Watch();
    await world.device('alice', 'phone', { ackMode: 'client' });
    const id = 'order-1';
    await world.untilDue({ ...within(300), id, type: 'order.late' });
    expect(world.now).toBe(START + 300_000);
    expect(world.events).toEqual([
      {
        detailType: 'Message Unanswered',
        detail: {
          ...{ userId: 'alice', channel: 'user:alice', seq: 1, id, type: 'order.late', data: 'help' },
          sentAt: START,
          devices: [{ deviceId: 'phone', cursor: 0, lastSeenAt: START }],
        },
      },
    ]);
  });

  it('is told of a user who has no device at all', async () => {
    const world = new Watch();
    await world.untilDue(within(60));
    expect(world.told).toEqual(['Message Unanswered 1']);
    expect(world.events[0]?.detail.devices).toEqual([]);
  });

  it('says in its frames, live and replayed, that an ack is not to wait', async () => {
    const world = new Watch();
    const phone = await world.device('alice', 'phone', { ackMode: 'client' });
    await world.publish('alice', 'help', within(60));
    await world.publish('alice', 'no hurry');
    expect(phone.live.map(({ ack }) => ack)).toEqual(['now', undefined]);
    const laptop = await world.device('alice', 'laptop');
    expect(laptop.messages.map(({ ack }) => ack)).toEqual(['now', undefined]);
  });

  it('may wait for twelve hours, by as many delays as the queue takes', async () => {
    const world = new Watch();
    await world.publish('alice', 'help', within(43_200));
    const [first] = world.escalations;
    expect(first).toMatchObject({ delaySeconds: 900, restSeconds: 42_300 });
    await world.lookUpAll();
    expect(world.now).toBe(START + 43_200_000);
    expect(world.told).toEqual(['Message Unanswered 1']);
  });

  it('is looked up for each of its users by themselves', async () => {
    const world = new Watch();
    await world.device('bob', 'phone');
    const channels = [ALICE, userChannel('bob')];
    await world.publish('alice', 'help', { channels, ...within(60) });
    await world.lookUpAll();
    expect(world.events.map(({ detail }) => detail.userId)).toEqual(['alice']);
  });
});

describe('an answer', () => {
  it.each(['auto', 'client'] as const)('is the ack of any device, in mode %s', async (ackMode) => {
    const world = new Watch();
    await world.device('alice', 'phone', { ackMode });
    await world.untilDue(within(60), () => world.ack('phone', 1));
    expect(world.told).toEqual([]);
  });

  it('is an accepted post in mode auto', async () => {
    const world = new Watch();
    await world.device('alice', 'phone');
    await world.untilDue(within(60));
    expect(world.told).toEqual([]);
  });

  it('is no ack of the device that caused the message', async () => {
    const world = new Watch();
    await world.device('alice', 'laptop');
    await world.untilDue({ ...within(60), origin: { ...NO_ORIGIN, deviceId: 'laptop' } });
    expect(world.told).toEqual(['Message Unanswered 1']);
  });

  it('is the ack of a device of whose tabs one caused it: the others hear it', async () => {
    const world = new Watch();
    await world.device('alice', 'laptop');
    await world.untilDue({ ...within(60), origin: { ...NO_ORIGIN, deviceId: 'laptop', tab: '7f3a' } });
    expect(world.told).toEqual([]);
  });

  it('is no place where a new device begins: it was never given the message', async () => {
    const world = new Watch();
    await world.device('alice', 'laptop');
    const options = { ...within(60), origin: { ...NO_ORIGIN, deviceId: 'laptop' } };
    await world.untilDue(options, async () => {
      await world.device('alice', 'phone');
      expect(await world.cursor('alice', 'phone')).toBe(1);
      // It acknowledges what follows.
      await world.publish('alice', 'more');
    });
    expect(await world.cursor('alice', 'phone')).toBe(2);
    expect(world.told).toEqual(['Message Unanswered 1']);
  });

  it('is that it was read, where that is asked for, and no ack', async () => {
    const acked = new Watch();
    await acked.device('alice', 'phone');
    await acked.untilDue(within(60, 'read'));
    expect(acked.told).toEqual(['Message Unanswered 1']);

    for (const marked of [{ through: 1 }, { seqs: [1] }]) {
      const read = new Watch();
      await read.untilDue(within(60, 'read'), () => mark(read.app, 'alice', marked));
      expect(read.told).toEqual([]);
    }

    const unread = new Watch();
    await unread.untilDue(within(60, 'read'), async () => {
      await mark(unread.app, 'alice', { through: 1 });
      await mark(unread.app, 'alice', { unread: [1] });
    });
    expect(unread.told).toEqual(['Message Unanswered 1']);
  });
});

describe('a wake-up', () => {
  it('finds nothing to tell of a message that expired, was withdrawn, or is of another epoch', async () => {
    const expired = new Watch();
    await expired.untilDue({ ...within(120), retentionSeconds: 60 });
    const withdrawn = new Watch();
    await withdrawn.untilDue(within(60), () => withdraw(withdrawn.app, ALICE, 1));
    const gone = new Watch();
    await gone.untilDue(within(60), async () => {
      gone.rows.drop('user:alice', 0);
      gone.rows.drop('user:alice', 1);
      await gone.publish('alice', 'in a new epoch', { escalate: undefined });
    });
    expect([expired.told, withdrawn.told, gone.told]).toEqual([[], [], []]);
  });

  it('finds nothing to tell of a message that nobody wants answered', async () => {
    const world = new Watch();
    await world.publish('alice', 'hello');
    expect(world.escalations).toEqual([]);
    const { epoch } = await world.app.log.open(ALICE);
    for (const channel of [ALICE, EVERYONE])
      await lookUpUnanswered(world.looking, { channel, epoch, seq: 1, restSeconds: 0 });
    expect(world.told).toEqual([]);
  });

  it('may come twice, one after the other or at once, and tells it once', async () => {
    const world = new Watch();
    await world.untilDue(within(60));
    const { epoch } = await world.app.log.open(ALICE);
    const task: EscalationTask = { channel: ALICE, epoch, seq: 1, restSeconds: 0 };
    await lookUpUnanswered(world.looking, task);

    await world.publish('alice', 'again', within(60));
    const second = { ...task, seq: 2 };
    const both = [lookUpUnanswered(world.looking, second), lookUpUnanswered(world.looking, second)];
    await Promise.all(both);
    expect(world.told).toEqual(['Message Unanswered 1', 'Message Unanswered 2']);
  });

  it('is served again after a worker that died before the event was out', async () => {
    const world = new Watch();
    const { bus } = world.app;
    let isDown = true;
    const put: typeof bus.put = (...event) =>
      isDown ? Promise.reject(new Error('no answer')) : bus.put(...event);
    const looking = { ...world.looking, bus: { put } };
    await world.publish('alice', 'help', within(60));
    const [task] = world.escalations.splice(0);
    if (task === undefined) throw new Error('nothing was queued');
    world.now += 60_000;
    await expect(lookUpUnanswered(looking, task)).rejects.toThrow('no answer');

    isDown = false;
    await lookUpUnanswered(looking, task);
    expect(world.told).toEqual([]);
    // Whoever died may have been about to tell it: the lease has to lapse.
    expect(world.escalations).toMatchObject([{ seq: 1, restSeconds: 0 }]);
    await world.lookUpAll();
    expect(world.told).toEqual(['Message Unanswered 1']);
  });
});

describe('a publisher', () => {
  const failing = () => {
    const world = new Watch();
    const queue = { isDown: true };
    const app = {
      ...world.app,
      later: {
        ...world.app.later,
        escalate: (...asked: Parameters<typeof world.app.later.escalate>) =>
          queue.isDown ? Promise.reject(new Error('no queue')) : world.app.later.escalate(...asked),
      },
    };
    const request = (options: Partial<Notification>) =>
      publish(app, {
        ...{ channels: [ALICE], type: 'test', data: 'help', id: undefined, origin: NO_ORIGIN },
        ...{ collapseKey: undefined, retentionSeconds: undefined, trace: false },
        ...options,
      });
    return { world, queue, request };
  };

  it('is told to try again while the wake-up is not queued, and a repetition queues it', async () => {
    const { world, queue, request } = failing();
    const options = { ...within(60), id: 'k' };
    const [failed] = (await request(options)).results;
    expect(failed).toMatchObject({ error: { code: 'internal', retryable: true } });

    queue.isDown = false;
    world.now += 20_000;
    const [repeated] = (await request(options)).results;
    expect(repeated).toMatchObject({ seq: 1, duplicate: true });
    expect(world.escalations).toMatchObject([{ seq: 1, delaySeconds: 40, restSeconds: 0 }]);
  });

  it('without an id is told so as well: a second message is better than none that anybody hears of', async () => {
    const { request } = failing();
    expect((await request(within(60))).results).toMatchObject([{ error: { code: 'internal' } }]);
  });

  it('queues nothing for a message that was withdrawn since, and looks at once where it is due', async () => {
    const world = new Watch();
    const options = { ...within(60), id: 'k' };
    await world.publish('alice', 'help', options);
    world.now += 90_000;
    await world.publish('alice', 'help', options);
    expect(world.escalations.map(({ delaySeconds }) => delaySeconds)).toEqual([60, 0]);
    await withdraw(world.app, ALICE, 1);
    await world.publish('alice', 'help', options);
    expect(world.escalations).toHaveLength(2);
  });

  it('asks for something else with another time or answer', async () => {
    const world = new Watch();
    await world.publish('alice', 'help', { ...within(60), id: 'k' });
    for (const options of [within(61), within(60, 'read'), { escalate: undefined }])
      await expect(world.publish('alice', 'help', { ...options, id: 'k' })).rejects.toThrow('conflict');
    expect(await world.publish('alice', 'help', { ...within(60), id: 'k' })).toMatchObject({
      duplicate: true,
    });
  });
});

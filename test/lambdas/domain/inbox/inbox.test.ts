/** History and read state, as clients and services have them. */
import { describe, expect, it } from 'vitest';
import { withdraw } from '../../../../lambdas/domain/inbox/withdraw.ts';
import { topicChannel, userChannel } from '../../../../lambdas/domain/model.ts';
import { handleFrame } from '../../../../lambdas/domain/session/commands.ts';
import type { ClientFrame } from '../../../../lambdas/protocol/client-frame.ts';
import type { HistoryFrame, ReadFrame, ServerFrame } from '../../../../lambdas/protocol/frames.ts';
import { NO_PERMISSIONS, type Permissions } from '../../../../lambdas/protocol/permissions.ts';
import type { Mark } from '../../../../lambdas/protocol/read-mark.ts';
import { createMemoryReadStateStore } from '../../../support/memory-read-state-store.ts';
import { refusing, type Socket, World } from '../../../support/world.ts';

const NEWS = topicChannel('news');
const HOUR_MS = 3_600_000;

async function say(
  world: World,
  userId: string,
  frame: ClientFrame,
  permissions: Permissions = NO_PERMISSIONS,
) {
  const connection = (await world.connectionsOf(userId)).at(-1);
  if (!connection) throw new Error(`${userId} is not connected`);
  const deadlineAt = Number.POSITIVE_INFINITY;
  return await handleFrame(world.app, connection, frame, {
    ...{ permissions, deadlineAt },
    receivedAt: world.now,
  });
}

const history = async (world: World, more: object = {}, permissions?: Permissions) =>
  (await say(world, 'alice', { action: 'history', ...more }, permissions)) as HistoryFrame<string>;

const mark = (world: World, made: Mark) => say(world, 'alice', { action: 'read', mark: made });

const framesOf = <Event extends ServerFrame['event']>(socket: Socket, event: Event) =>
  socket.frames.filter((frame): frame is Extract<ServerFrame, { event: Event }> => frame.event === event);
const readOf = (socket: Socket): ReadFrame[] => framesOf(socket, 'read');
const seqsOf = ({ messages }: HistoryFrame<string>) => messages.map(({ seq }) => seq);

async function withMessages(count: number): Promise<{ world: World; phone: Socket }> {
  const world = new World();
  const phone = await world.device('alice', 'phone');
  for (let message = 1; message <= count; message++) await world.publish('alice', message);
  return { world, phone };
}

/** How many rows each read of the log may take, from now on. */
function limitsOfReads(world: World): number[] {
  const limits: number[] = [];
  const { queryBack } = world.rows;
  world.rows.queryBack = (channel, after, through, limit) => {
    limits.push(limit);
    return queryBack(channel, after, through, limit);
  };
  return limits;
}

describe('the history', () => {
  it('brings the newest messages first, each with whether it is read', async () => {
    const { world } = await withMessages(5);
    await mark(world, { seqs: [4] });
    const page = await history(world, { limit: 3, ref: 'h' });

    expect(page).toMatchObject({ event: 'history', channel: 'user:alice', ref: 'h', more: true, unread: 4 });
    expect(page.messages.map(({ seq, data, read }) => [seq, data, read])).toEqual([
      [5, '5', false],
      [4, '4', true],
      [3, '3', false],
    ]);
  });

  it('goes on before a seq, and says where it ends', async () => {
    const { world } = await withMessages(5);

    expect(seqsOf(await history(world, { before: 3, limit: 2 }))).toEqual([2, 1]);
    expect(await history(world, { before: 3, limit: 2 })).toMatchObject({ more: false, unread: 5 });
    expect(await history(world, { before: 1 })).toMatchObject({ messages: [], more: false });
    expect(await history(world, { before: 0 })).toMatchObject({ messages: [], more: false });
    expect(seqsOf(await history(world, { before: 99 }))).toEqual([5, 4, 3, 2, 1]);
  });

  it('passes over what has expired, and is never empty while more follows', async () => {
    const world = new World();
    await world.device('alice', 'phone');
    await world.publish('alice', 'kept');
    for (let message = 0; message < 30; message++)
      await world.publish('alice', 'brief', { retentionSeconds: 60 });
    world.now += HOUR_MS;
    const page = await history(world, { limit: 2 });

    expect(seqsOf(page)).toEqual([1]);
    expect(page).toMatchObject({ more: false, unread: 1 });
  });

  it('holds the messages of every device, the asking one’s own among them', async () => {
    const world = new World();
    await world.device('alice', 'phone');
    await world.publish('alice', 'mine', {
      origin: { userId: undefined, deviceId: 'phone', tab: undefined },
    });

    expect(seqsOf(await history(world))).toEqual([1]);
  });

  it('holds neither what was withdrawn nor the withdrawal, and does not count them', async () => {
    const { world } = await withMessages(3);
    await withdraw(world.app, userChannel('alice'), 2);

    expect(seqsOf(await history(world))).toEqual([3, 1]);
    expect(await history(world, { limit: 1 })).toMatchObject({
      messages: [{ seq: 3 }],
      more: true,
      unread: 2,
    });
    await mark(world, { through: 4 });
    expect(await history(world)).toMatchObject({ unread: 0 });
  });

  it('of a user without messages is empty', async () => {
    const { world } = await withMessages(0);

    expect(await history(world)).toMatchObject({ messages: [], more: false, unread: 0 });
  });

  it('takes one read of the log and one of what is read, of a page that holds all that is unread', async () => {
    const { world } = await withMessages(20);
    const limits = limitsOfReads(world);
    let states = 0;
    const { find } = world.app.readStates;
    world.app.readStates.find = (userId) => {
      states++;
      return find(userId);
    };

    expect(await history(world, { limit: 20 })).toMatchObject({ more: false, unread: 20 });
    expect([limits, states]).toEqual([[21], 1]);
  });

  it('counts what is unread beyond its page by one read more, of never more than 1,000 rows', async () => {
    const { world } = await withMessages(1500);
    const limits = limitsOfReads(world);

    expect(await history(world)).toMatchObject({ unread: 1000 });
    expect(limits).toEqual([21, 1000]);
    limits.length = 0;
    await mark(world, { through: 1490 });
    limits.length = 0;
    expect(await history(world)).toMatchObject({ unread: 10 });
    expect(limits).toEqual([21]);
  });

  it('of another user’s channel is unknown', async () => {
    const { world } = await withMessages(0);
    await expect(history(world, { channel: 'user:bob', ref: 'h' })).rejects.toMatchObject({
      code: 'unknown_channel',
      ref: 'h',
    });
    await expect(history(world, { channel: 'everyone' })).rejects.toMatchObject({ code: 'unknown_channel' });
    await expect(history(world, { channel: 'nonsense' })).rejects.toMatchObject({ code: 'bad_frame' });
  });
});

describe('the history of a topic', () => {
  it('is whole for who may hear the topic, without what is read', async () => {
    const { world } = await withMessages(0);
    await world.publish(NEWS, 'a');
    const page = await history(world, { channel: NEWS.name }, { subscribe: ['topic:news'], publish: [] });

    expect(page).toMatchObject({ channel: NEWS.name, messages: [{ seq: 1, data: '"a"' }], more: false });
    expect(page).not.toHaveProperty('unread');
    expect(page.messages[0]).not.toHaveProperty('read');
  });

  it('begins for a member where the user joined', async () => {
    const { world } = await withMessages(0);
    await world.publish(NEWS, 'before');
    const head = await world.app.log.open(NEWS);
    await world.app.members.add({ userId: 'alice', topic: 'news', joinedAt: world.now, joined: head });
    await world.publish(NEWS, 'after');

    expect(seqsOf(await history(world, { channel: NEWS.name }))).toEqual([2]);
    expect(seqsOf(await history(world, { channel: NEWS.name, before: 2 }))).toEqual([]);
  });

  it('is forbidden to anybody else', async () => {
    const { world } = await withMessages(0);
    await expect(history(world, { channel: NEWS.name, ref: 'h' })).rejects.toMatchObject({
      code: 'forbidden',
      ref: 'h',
    });
  });
});

describe('a mark', () => {
  it('is told to every connection of the user, the reader’s and anonymous ones too', async () => {
    const { world, phone } = await withMessages(3);
    const anonymous = await world.device('alice');
    const bob = await world.device('bob', 'phone');
    await mark(world, { seqs: [2] });

    const told = { event: 'read', channel: 'user:alice', version: 1, through: 0, seqs: [2], unread: 2 };
    expect(readOf(phone)).toMatchObject([told]);
    expect(readOf(anonymous)).toMatchObject([told]);
    expect(readOf(bob)).toEqual([]);
  });

  it('that changes nothing is told nobody', async () => {
    const { world, phone } = await withMessages(3);
    await mark(world, { through: 2 });
    await mark(world, { through: 1 });
    await mark(world, { seqs: [1, 2] });
    await mark(world, { unread: [3] });

    expect(readOf(phone)).toHaveLength(1);
  });

  it('is told by the next ready', async () => {
    const { world } = await withMessages(3);
    await mark(world, { through: 1 });
    await mark(world, { seqs: [3] });
    const laptop = await world.device('alice', 'laptop');

    expect(framesOf(laptop, 'ready')).toMatchObject([{ read: { version: 2, through: 1, seqs: [3] } }]);
  });

  it('past the head is refused, and changes nothing', async () => {
    const { world, phone } = await withMessages(3);
    const message = (path: string) => `${path}: the head is 3`;
    const marks: [Mark, string][] = [
      [{ through: 4 }, 'through'],
      [{ seqs: [1, 4] }, 'seqs[1]'],
      [{ unread: [4] }, 'unread[0]'],
    ];
    for (const [made, path] of marks)
      await expect(mark(world, made)).rejects.toMatchObject({
        code: 'ack_past_head',
        message: message(path),
      });

    expect(readOf(phone)).toEqual([]);
    expect(await world.app.readStates.find('alice')).toBeUndefined();
  });

  it('survives another one at the same moment', async () => {
    const { world } = await withMessages(4);
    await Promise.all([mark(world, { seqs: [2] }), mark(world, { seqs: [4] }), mark(world, { through: 1 })]);

    expect(await world.app.readStates.find('alice')).toMatchObject({ version: 3, through: 2, seqs: [4] });
  });

  it('is told though the answer of its write was lost', async () => {
    for (const answer of [async () => false, async () => Promise.reject(new Error('unreachable'))]) {
      const store = createMemoryReadStateStore();
      let writes = 0;
      const replace: typeof store.replace = async (...state) => {
        const replaced = await store.replace(...state);
        return writes++ === 0 ? await answer() : replaced;
      };
      const world = new World({ readStates: { ...store, replace } });
      const phone = await world.device('alice', 'phone');
      await world.publish('alice', 1);
      await mark(world, { through: 1 });

      expect(readOf(phone)).toMatchObject([{ version: 1, through: 1 }]);
      expect(writes).toBe(1);
    }
  });

  it('that was stored but not told is told by the next change and the next ready, not by a repeat', async () => {
    const { world, phone } = await withMessages(3);
    const { list } = world.app.connections;
    world.app.connections.list = async () => {
      world.app.connections.list = list;
      throw new Error('unreachable');
    };
    // As the message is handled, so that nothing but the telling asks who is connected.
    const [connection] = await list('alice');
    if (!connection) throw new Error('not connected');
    const means = {
      permissions: NO_PERMISSIONS,
      deadlineAt: Number.POSITIVE_INFINITY,
      receivedAt: world.now,
    };
    const made = () => handleFrame(world.app, connection, { action: 'read', mark: { through: 1 } }, means);
    await expect(made()).rejects.toThrow('unreachable');
    await made();
    expect(readOf(phone)).toEqual([]);
    expect(await history(world)).toMatchObject({ unread: 2 });

    const laptop = await world.device('alice', 'laptop');
    expect(framesOf(laptop, 'ready')).toMatchObject([{ read: { version: 1, through: 1 } }]);
    await mark(world, { seqs: [3] });
    expect(readOf(phone)).toMatchObject([{ version: 2, through: 1, seqs: [3] }]);
  });

  it('fails when the store does not answer twice', async () => {
    const replace = () => Promise.reject(new Error('unreachable'));
    const world = new World({ readStates: { ...createMemoryReadStateStore(), replace } });
    await world.device('alice', 'phone');
    await world.publish('alice', 1);

    await expect(mark(world, { through: 1 })).rejects.toThrow('unreachable');
  });

  it('is refused as busy when others come between each time', async () => {
    const readStates = { ...createMemoryReadStateStore(), replace: async () => false };
    const world = new World({ readStates });
    await world.device('alice', 'phone');
    await world.publish('alice', 1);

    await expect(mark(world, { through: 1 })).rejects.toMatchObject({ name: 'Busy' });
  });

  it('reaches a connection that was opening meanwhile', async () => {
    const { world } = await withMessages(2);
    const { find } = world.app.readStates;
    const laptop = await world.open('alice', 'laptop');
    world.app.readStates.find = async (userId) => {
      world.app.readStates.find = find;
      const before = await find(userId);
      await mark(world, { through: 2 });
      return before;
    };
    await world.drive();

    expect(framesOf(laptop, 'ready')).toMatchObject([{ read: { version: 0 } }]);
    expect(readOf(laptop)).toMatchObject([{ version: 1, through: 2, unread: 0 }]);
  });

  it('reaches a connection that took no frames for a while', async () => {
    const { world, phone } = await withMessages(2);
    phone.refusals = refusing();
    await mark(world, { through: 2 });
    expect(readOf(phone)).toEqual([]);
    phone.refusals = [];
    await world.drive();

    expect(readOf(phone)).toMatchObject([{ version: 1, through: 2 }]);
  });

  it('of another numbering says nothing of this one, but its version counts on', async () => {
    const { world, phone } = await withMessages(2);
    await mark(world, { through: 2 });
    for (const seq of [0, 1, 2]) world.rows.drop('user:alice', seq);
    await world.publish('alice', 'anew');

    expect(await history(world)).toMatchObject({ messages: [{ seq: 1, read: false }], unread: 1 });
    await mark(world, { through: 1 });
    expect(readOf(phone).map(({ version }) => version)).toEqual([1, 2]);
  });
});

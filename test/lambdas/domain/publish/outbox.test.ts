/** What becomes of a row of the outbox: published and taken away, put off, or given up with the reason. */
import { describe, expect, it } from 'vitest';
import type { OutboxRow } from '../../../../lambdas/domain/ports/outbox.ts';
import { type OutboxApp, publishRow } from '../../../../lambdas/domain/publish/outbox.ts';
import { createMemoryLogStore } from '../../../support/memory-log-store.ts';
import { rowsWith, START, World } from '../../../support/world.ts';

/** The outbox, and in the order of `did` what was done to it. */
function anOutbox({ broken = '', hasRoom = true, world = new World() } = {}) {
  const did: unknown[] = [];
  const note = async (what: string, ...arguments_: unknown[]) => {
    if (what === broken) throw new Error('no answer');
    did.push([what, ...arguments_]);
  };
  const app: OutboxApp = {
    ...world.app,
    outboxRows: {
      remove: (id) => note('removed', id),
      markFailed: async ({ id }, reason) => {
        await note('marked', id, reason);
        return hasRoom;
      },
    },
    outboxQueue: {
      retry: (row, delaySeconds) => note('put off', row, delaySeconds),
      sendDeadLetter: ({ id }, reason) => note('letter', id, reason),
    },
  };
  return { world, did, publish: (row: OutboxRow) => publishRow(app, row) };
}

const rowOf = (notification: unknown, over: Partial<OutboxRow> = {}): OutboxRow => ({
  id: 'order-1',
  text: JSON.stringify(notification),
  tries: 0,
  ...over,
});
const TO_ALICE = { to: { user: 'alice' }, type: 'test', data: { n: 1 } };

/** A world in which nothing can be written to one user's log, as long as `isDown`. */
function withoutBob() {
  const state = { isDown: true };
  const log = createMemoryLogStore();
  const rows = rowsWith(log, {
    append: async (request) => {
      if (state.isDown && JSON.stringify(request).includes('bob')) throw new Error('no answer');
      return await log.append(request);
    },
  });
  return { state, world: new World({ rows }) };
}

describe('a row of the outbox', () => {
  it('is published by its id, and taken away', async () => {
    const { world, did, publish } = anOutbox();
    const phone = await world.device('alice', 'phone');
    await publish(rowOf(TO_ALICE));
    expect(phone.messages).toMatchObject([{ id: 'order-1', data: { n: 1 } }]);
    expect(did).toEqual([['removed', 'order-1']]);
  });

  it('that comes twice is one message, and taken away twice', async () => {
    const { world, did, publish } = anOutbox();
    await publish(rowOf(TO_ALICE));
    await publish(rowOf({ ...TO_ALICE, id: 'order-1' }));
    expect((await world.publish('alice', 'next')).seq).toBe(2);
    expect(did).toEqual([
      ['removed', 'order-1'],
      ['removed', 'order-1'],
    ]);
  });

  it('keeps numbers apart that JavaScript does not', async () => {
    const { did, publish } = anOutbox();
    const exact = (number: string) => `{"to":{"user":"alice"},"type":"test","data":${number}}`;
    await publish(rowOf(undefined, { text: exact('9007199254740993') }));
    await publish(rowOf(undefined, { text: exact('9007199254740992') }));
    expect(did).toEqual([
      ['removed', 'order-1'],
      ['letter', 'order-1', expect.stringContaining('another payload')],
      ['marked', 'order-1', expect.stringContaining('another payload')],
    ]);
  });

  it.each([
    ['no notification', rowOf(1, { text: undefined }), 'notification: expected a map, or a JSON text'],
    ['a text that is not JSON', rowOf(1, { text: '{"secret' }), 'notification: is not valid JSON'],
    ['a wrong field', rowOf({ ...TO_ALICE, typo: 1 }), 'typo: unknown field'],
    ['another id inside', rowOf({ ...TO_ALICE, id: 'other' }), 'notification.id: differs'],
    ['an id of 129 bytes', rowOf(TO_ALICE, { id: 'x'.repeat(129) }), 'id: expected 1 to 128 bytes'],
    ['too much data', rowOf({ ...TO_ALICE, data: 'x'.repeat(40_000) }), 'data: with id and type it takes'],
  ])('with %s is given up, with the reason', async (_what, row, reason) => {
    const { did, publish } = anOutbox();
    await publish(row);
    expect(did).toEqual([
      ['letter', row.id, expect.stringContaining(reason)],
      ['marked', row.id, expect.stringContaining(reason)],
    ]);
  });

  it('that fails for some users is put off, longer each time, until it fails for none', async () => {
    const { state, world } = withoutBob();
    const { did, publish } = anOutbox({ world });
    const toBoth = rowOf({ ...TO_ALICE, to: { users: ['alice', 'bob'] } });
    await publish(toBoth);
    await publish({ ...toBoth, tries: 1, firstTriedAt: START });
    await publish({ ...toBoth, tries: 20, firstTriedAt: START });
    state.isDown = false;
    await publish({ ...toBoth, tries: 21, firstTriedAt: START });
    expect(did).toEqual([
      ['put off', { ...toBoth, tries: 1, firstTriedAt: START }, 5],
      ['put off', { ...toBoth, tries: 2, firstTriedAt: START }, 10],
      ['put off', { ...toBoth, tries: 21, firstTriedAt: START }, 900],
      ['removed', 'order-1'],
    ]);
    expect((await world.publish('alice', 'next')).seq).toBe(2);
    expect((await world.publish('bob', 'next')).seq).toBe(2);
  });

  it('is given up before its id would be forgotten, and a repetition a second message', async () => {
    const { world } = withoutBob();
    const { did, publish } = anOutbox({ world });
    const toBob = rowOf({ ...TO_ALICE, to: { user: 'bob' } }, { tries: 90, firstTriedAt: START });
    world.now = START + 23 * 3_600_000;
    await publish(toBob);
    expect(did).toEqual([
      ['letter', 'order-1', expect.stringContaining('bob: ')],
      ['marked', 'order-1', expect.stringContaining('bob: ')],
    ]);
  });

  it.each([
    ['removed', TO_ALICE],
    ['letter', {}],
    ['marked', {}],
  ])('comes again when it could not be written down: %s', async (broken, notification) => {
    const { publish } = anOutbox({ broken });
    await expect(publish(rowOf(notification))).rejects.toThrow('no answer');
  });

  it('that has no room for the reason has its letter, and does not come again', async () => {
    const { world, did, publish } = anOutbox({ hasRoom: false });
    await publish(rowOf({}));
    expect(did).toEqual([
      ['letter', 'order-1', expect.any(String)],
      ['marked', 'order-1', expect.any(String)],
    ]);
    expect(world.logger.entries).toContainEqual({
      level: 'warn',
      message: 'outbox row has no room for its reason',
      fields: { id: 'order-1' },
    });
  });

  it('is not marked while its letter cannot be sent', async () => {
    const { did, publish } = anOutbox({ broken: 'letter' });
    await expect(publish(rowOf({}))).rejects.toThrow();
    expect(did).toEqual([]);
  });
});

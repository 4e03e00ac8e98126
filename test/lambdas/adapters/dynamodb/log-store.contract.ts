/** What every log guarantees, in the primitives that appending and reading are made of. */
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Head, Message } from '../../../../lambdas/domain/model.ts';
import type { ConnectionStore } from '../../../../lambdas/domain/ports/connection-store.ts';
import {
  type AppendOutcome,
  type IdempotencyKey,
  type LogStore,
  MAX_PROOF,
} from '../../../../lambdas/domain/ports/log-store.ts';
import { connectionOf } from './harness.ts';

export interface MessageLogHarness {
  log: LogStore;
  connections: ConnectionStore;
  /** Deletes a row as retention does. */
  drop(channel: string, seq: number): Promise<void>;
}

const NOW = 1_795_939_441_798;
const DAY_MS = 24 * 3_600_000;
const EXPIRES_AT = 1_796_544_242_000;

const headAt = (seq: number, epoch = 'epoch-1'): Head => ({ epoch, seq, updatedAt: NOW + seq });

const messageAt = (seq: number, fields: Partial<Message> = {}): Message => ({
  seq,
  id: `message-${seq}`,
  type: 'order.shipped',
  data: '{"order":1}',
  originUserId: undefined,
  originDeviceId: 'laptop',
  originTab: undefined,
  collapseKey: undefined,
  sentAt: NOW,
  expiresAt: EXPIRES_AT,
  ...fields,
});

const keyOf = (fields: Partial<IdempotencyKey> = {}): IdempotencyKey => ({
  key: 'order-1-shipped',
  payload: '{"type":"order.shipped"}',
  expiresAt: 1_796_025_842_000,
  ...fields,
});

/** Texts that a parser or a database might be tempted to change. */
const ODD_TEXTS = [
  'null',
  '""',
  '0',
  '-0',
  '1.0',
  '1e400',
  '12345678901234567890.123456789',
  '{ "a" : 1, "a" : 2 }',
  '{"__proto__":{"x":1}}',
  String.raw`"\ud83c\udf31 \u0000 \/"`,
  '"🌱 grün \u2028 \u200d e\u0301"',
  `"${'x'.repeat(32_000)}"`,
];

export function messageLogContract(create: () => MessageLogHarness): void {
  let channel: string;
  let log: LogStore;
  let drop: MessageLogHarness['drop'];
  let connections: ConnectionStore;

  beforeEach(() => {
    channel = `user:${randomUUID()}`;
    ({ log, drop, connections } = create());
  });

  /** Where the head stands. */
  const standing = async (): Promise<Head | undefined> => {
    const { keys: _, ...head } = (await log.head(channel)) ?? {};
    return 'seq' in head ? (head as Head) : undefined;
  };

  /** A head, with what the store keeps at the moment beside the one it has. */
  const readAt = async (seq: number, epoch?: string): Promise<Head> => ({
    ...headAt(seq, epoch),
    keys: (await log.head(channel))?.keys,
  });

  /** Appends at `seq`, as a publisher that found the log ending just before it. */
  const append = async (seq: number, fields: Partial<Message> = {}, idempotency?: IdempotencyKey) =>
    log.append({
      channel,
      expected: seq === 1 ? undefined : await readAt(seq - 1),
      next: headAt(seq),
      message: messageAt(seq, fields),
      idempotency,
      now: NOW,
    });

  const appendAll = async (count: number, fields: Partial<Message> = {}) => {
    for (let seq = 1; seq <= count; seq++) await append(seq, fields);
  };

  const stored = async () => (await log.query(channel, 0, 1000)).messages;

  describe('a channel', () => {
    it('does not exist before someone creates it or appends to it', async () => {
      expect(await standing()).toBeUndefined();
    });

    it('is created empty, with the head it was given', async () => {
      expect(await log.create(channel, headAt(0))).toEqual(headAt(0));
      expect(await standing()).toEqual(headAt(0));
      expect(await stored()).toEqual([]);
    });

    it('is created once: whoever comes later gets the head it has', async () => {
      await append(1);
      expect(await log.create(channel, headAt(0, 'epoch-2'))).toEqual(headAt(1));
      expect(await standing()).toEqual(headAt(1));
    });

    it('has one epoch, however many create it and append to it at once', async () => {
      const epochs = Array.from({ length: 20 }, (_, index) => `epoch-${index}`);
      const created = Promise.all(epochs.map((epoch) => log.create(channel, headAt(0, epoch))));
      const appended = log.append({
        channel,
        expected: undefined,
        next: headAt(1, 'other'),
        message: messageAt(1),
        idempotency: undefined,
        now: NOW,
      });
      const heads = await created;
      const { outcome } = await appended;
      const head = await standing();
      expect(new Set(heads.map((created) => created?.epoch))).toEqual(new Set([head?.epoch]));
      expect(head).toEqual(outcome === 'appended' ? headAt(1, 'other') : heads[0]);
    });

    it('is created by a connection only while that is there, and not being closed', async () => {
      const on = connectionOf(channel);
      expect(await log.create(channel, headAt(0), on)).toBeUndefined();
      await connections.add(on, 'request-1');
      await connections.markClosing(on, 'revoked', 'request-2');
      expect(await log.create(channel, headAt(0), on)).toBeUndefined();
      expect(await log.head(channel)).toBeUndefined();

      const open = connectionOf(channel);
      await connections.add(open, 'request-3');
      expect(await log.create(channel, headAt(0), open)).toEqual(headAt(0));
      expect(await log.create(channel, headAt(0, 'epoch-2'), on)).toBeUndefined();
      expect(await log.create(channel, headAt(0, 'epoch-2'), open)).toEqual(headAt(0));
    });

    it('is found among others by its name, if it exists', async () => {
      const others = [`${channel}-2`, `topic:${randomUUID()}`, `user:${randomUUID()}`];
      await append(1);
      await append(2);
      await log.create(others[1] ?? '', headAt(0, 'epoch-2'));
      expect(await log.heads([channel, ...others])).toEqual(
        new Map([
          [channel, headAt(2)],
          [others[1], headAt(0, 'epoch-2')],
        ]),
      );
      expect(await log.heads([])).toEqual(new Map());
    });

    it('takes a name as long as the protocol allows, in any script', async () => {
      channel = `user:${'🌱'.repeat(55)}${randomUUID()}`;
      const longest = { id: '識'.repeat(42), type: 't'.repeat(128) };
      await append(1, longest, keyOf({ key: longest.id }));
      expect(await standing()).toEqual(headAt(1));
      expect(await stored()).toEqual([messageAt(1, longest)]);
    });
  });

  describe('appending', () => {
    it('moves the head and adds the message', async () => {
      expect(await append(1)).toMatchObject({ outcome: 'appended' });
      expect(await append(2)).toMatchObject({ outcome: 'appended' });
      expect(await standing()).toEqual(headAt(2));
      expect(await stored()).toEqual([messageAt(1), messageAt(2)]);
    });

    it('starts a channel, or goes on with one that was created empty', async () => {
      await log.create(channel, headAt(0));
      const outcome = await log.append({
        channel,
        expected: headAt(0),
        next: headAt(1),
        message: messageAt(1),
        idempotency: undefined,
        now: NOW,
      });
      expect(outcome).toMatchObject({ outcome: 'appended' });
      expect(await standing()).toEqual(headAt(1));
    });

    it.each([
      ['the channel exists by now', undefined],
      ['the head has moved on', headAt(1)],
      ['the head is not there yet', headAt(3)],
      ['the epoch is another', headAt(2, 'epoch-2')],
    ])('loses the race, and writes nothing, if %s', async (_, expected) => {
      await appendAll(2);
      const next = headAt((expected?.seq ?? 0) + 1, expected?.epoch);
      const outcome = await log.append({
        channel,
        expected,
        next,
        message: messageAt(9),
        idempotency: keyOf(),
        now: NOW,
      });
      expect(outcome).toEqual({ outcome: 'lost_race' });
      expect(await standing()).toEqual(headAt(2));
      expect(await stored()).toEqual([messageAt(1), messageAt(2)]);
      expect(await append(3, {}, keyOf())).toMatchObject({ outcome: 'appended' });
    });

    it('loses the race if there is no channel where one was expected', async () => {
      expect(await append(2)).toEqual({ outcome: 'lost_race' });
      expect(await standing()).toBeUndefined();
    });

    it('never gives a seq twice, even if the head was set back', async () => {
      await append(1);
      await drop(channel, 0);
      expect(await append(1, { id: 'another' })).toEqual({ outcome: 'lost_race' });
      expect(await standing()).toBeUndefined();
      expect(await stored()).toEqual([messageAt(1)]);
    });

    it('of 20 at once at the same head succeeds for exactly one', async () => {
      await append(1);
      const contenders = Array.from({ length: 20 }, (_, index) => append(2, { id: `contender-${index}` }));
      const outcomes = (await Promise.all(contenders)).map(({ outcome }) => outcome);
      const winner = outcomes.indexOf('appended');
      expect(outcomes.toSorted()).toEqual(['appended', ...Array(19).fill('lost_race')]);
      expect(await standing()).toEqual(headAt(2));
      expect(await stored()).toEqual([messageAt(1), messageAt(2, { id: `contender-${winner}` })]);
    });

    it('by 10 who each try until they succeed leaves a dense log', async () => {
      const publish = async (id: string): Promise<AppendOutcome> => {
        const head = await log.head(channel);
        const seq = (head?.seq ?? 0) + 1;
        const result = await log.append({
          channel,
          expected: head,
          next: headAt(seq),
          message: messageAt(seq, { id }),
          idempotency: undefined,
          now: NOW,
        });
        return result.outcome === 'lost_race' ? publish(id) : result;
      };
      const ids = Array.from({ length: 10 }, (_, index) => `publisher-${index}`);
      await Promise.all(ids.map(publish));
      const messages = await stored();
      expect(messages.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      expect(messages.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    });
  });

  describe('an idempotency key', () => {
    it('that is known, with the same payload, tells the seq it had and writes nothing', async () => {
      await append(1, {}, keyOf());
      await append(2);
      const outcome = await append(3, {}, keyOf());
      expect(outcome).toEqual({ outcome: 'duplicate', seq: 1, samePayload: true });
      expect(await standing()).toEqual(headAt(2));
      expect(await stored()).toHaveLength(2);
    });

    it('that another publisher used meanwhile is told once the head is read again', async () => {
      const expected = await log.create(channel, headAt(0));
      const publish = (head: Head | undefined) =>
        log.append({
          channel,
          expected: head,
          next: headAt((head?.seq ?? 0) + 1),
          message: messageAt((head?.seq ?? 0) + 1),
          idempotency: keyOf(),
          now: NOW,
        });
      expect(await publish(expected)).toMatchObject({ outcome: 'appended' });
      expect(await publish(expected)).not.toMatchObject({ outcome: 'appended' });
      expect(await publish(await log.head(channel))).toMatchObject({ outcome: 'duplicate', seq: 1 });
    });

    it.each([
      ['another text', '{"type":"order.lost"}'],
      ['the same text but for a space', '{"type": "order.shipped"}'],
      ['no text', ''],
    ])('that is known, with another payload, tells so: %s', async (_, payload) => {
      await append(1, {}, keyOf());
      const outcome = await append(2, {}, keyOf({ payload }));
      expect(outcome).toEqual({ outcome: 'duplicate', seq: 1, samePayload: false });
      expect(await standing()).toEqual(headAt(1));
    });

    it('holds until it expires, and then is as new', async () => {
      const { expiresAt } = keyOf();
      await append(1, {}, keyOf());
      const again = async (now: number) =>
        log.append({
          channel,
          expected: await readAt(1),
          next: headAt(2),
          message: messageAt(2),
          idempotency: keyOf({ expiresAt: now + DAY_MS }),
          now,
        });
      expect(await again(expiresAt - 1)).toMatchObject({ outcome: 'duplicate', seq: 1 });
      expect(await again(expiresAt)).toMatchObject({ outcome: 'appended' });
      const later = await log.append({
        channel,
        expected: await readAt(2),
        next: headAt(3),
        message: messageAt(3),
        idempotency: keyOf(),
        now: expiresAt,
      });
      expect(later).toEqual({ outcome: 'duplicate', seq: 2, samePayload: true });
    });

    it('counts for its channel alone', async () => {
      await append(1, {}, keyOf());
      channel = `${channel}-2`;
      expect(await append(1, {}, keyOf())).toMatchObject({ outcome: 'appended' });
    });

    it('absent makes no duplicate of anything', async () => {
      await append(1, { id: 'same' });
      expect(await append(2, { id: 'same' })).toMatchObject({ outcome: 'appended' });
    });

    it('used by 10 at once, each trying until it is told, is one message', async () => {
      const publish = async (): Promise<AppendOutcome> => {
        const head = await log.head(channel);
        const seq = (head?.seq ?? 0) + 1;
        const result = await log.append({
          channel,
          expected: head,
          next: headAt(seq),
          message: messageAt(seq),
          idempotency: keyOf(),
          now: NOW,
        });
        return result.outcome === 'lost_race' ? publish() : result;
      };
      const results = await Promise.all(Array.from({ length: 10 }, publish));
      expect(results.filter(({ outcome }) => outcome === 'appended')).toHaveLength(1);
      expect(results.filter(({ outcome }) => outcome === 'duplicate')).toHaveLength(9);
      expect(await stored()).toHaveLength(1);
    });
  });

  describe('a withdrawal', () => {
    const left = (seq: number, by: number): Message =>
      messageAt(seq, { data: 'null', originDeviceId: undefined, withdrawnBy: by });
    const withdraw = async (seq: number, at: number, fields: Partial<Message> = {}) =>
      log.append({
        channel,
        expected: await readAt(at - 1),
        next: headAt(at),
        message: messageAt(at, { id: `withdrawal-${at}` }),
        idempotency: undefined,
        withdraws: { ...left(seq, at), ...fields },
        now: NOW,
      });

    it('takes the content out of its message by the same write', async () => {
      const escalate = { afterSeconds: 60, unless: 'acked' as const };
      await appendAll(2, { collapseKey: 'score', originUserId: 'alice', originTab: '7f3a', escalate });
      expect(await withdraw(1, 3, { collapseKey: undefined })).toMatchObject({ outcome: 'appended' });
      expect(await standing()).toEqual(headAt(3));
      const [first, ...rest] = await stored();
      expect(first).toStrictEqual(left(1, 3));
      expect(rest.map(({ seq }) => seq)).toEqual([2, 3]);
      expect(await log.prove(channel, [1])).toStrictEqual({ outcome: 'proven', present: [left(1, 3)] });
    });

    it('happens once: the second finds it withdrawn, and writes nothing', async () => {
      await appendAll(2);
      await withdraw(1, 3);
      expect(await withdraw(1, 4)).toEqual({ outcome: 'not_kept' });
      expect(await standing()).toEqual(headAt(3));
      expect(await stored()).toHaveLength(3);
    });

    it.each([
      ['is not there', 7, {}],
      ['has another id', 1, { id: 'another' }],
    ])('writes nothing where the message %s', async (_, seq, fields) => {
      await appendAll(2);
      expect(await withdraw(seq, 3, fields)).toEqual({ outcome: 'not_kept' });
      expect(await stored()).toEqual([messageAt(1), messageAt(2)]);
    });

    it('that lost the race is told so, also where the message was withdrawn meanwhile', async () => {
      await appendAll(2);
      await withdraw(1, 3);
      expect(await withdraw(1, 3)).toEqual({ outcome: 'lost_race' });
    });

    it('by 10 at once happens once', async () => {
      await appendAll(2);
      const outcomes = await Promise.all(Array.from({ length: 10 }, () => withdraw(1, 3)));
      expect(outcomes.filter(({ outcome }) => outcome === 'appended')).toHaveLength(1);
      expect(await stored()).toHaveLength(3);
    });
  });

  describe('a key', () => {
    it('tells the message it stands for, as long as it holds', async () => {
      await append(1);
      await append(2, {}, keyOf());
      await append(3);
      expect(await log.seqOf(channel, keyOf().key, NOW)).toBe(2);
      expect(await log.seqOf(channel, keyOf().key, keyOf().expiresAt - 1)).toBe(2);
      expect(await log.seqOf(channel, keyOf().key, keyOf().expiresAt)).toBeUndefined();
    });

    it('that nobody used is unknown', async () => {
      expect(await log.seqOf(channel, keyOf().key, NOW)).toBeUndefined();
    });

    it('stays known whatever is withdrawn or published without a key', async () => {
      await append(1, {}, keyOf());
      await append(2);
      await log.append({
        channel,
        expected: await readAt(2),
        next: headAt(3),
        message: messageAt(3, { id: 'withdrawal' }),
        idempotency: undefined,
        withdraws: messageAt(1, { data: 'null', withdrawnBy: 3 }),
        now: NOW,
      });
      expect(await append(4, {}, keyOf())).toMatchObject({ outcome: 'duplicate', seq: 1 });
    });

    it('ends with the epoch, whether it is among the newest or not', async () => {
      const count = 40;
      for (let seq = 1; seq <= count; seq++) await append(seq, {}, keyOf({ key: `order-${seq}` }));
      for (const key of ['order-1', `order-${count}`]) {
        const expected = await readAt(count);
        const outcome = await log.append({
          channel,
          expected: { ...expected, epoch: 'epoch-2' },
          next: headAt(count + 1, 'epoch-2'),
          message: messageAt(count + 1),
          idempotency: keyOf({ key }),
          now: NOW,
        });
        // No duplicate: it is only that the head has not been given that epoch.
        expect(outcome).toEqual({ outcome: 'lost_race' });
      }
    });

    it('is as good as any other among a hundred of a day, whoever comes with it again', async () => {
      const count = 100;
      const numbered = (seq: number, payload = '{}') => keyOf({ key: `order-${seq}`, payload });
      for (let seq = 1; seq <= count; seq++) await append(seq, {}, numbered(seq));
      for (const seq of [1, 2, 50, 67, 68, 69, 70, 99, 100]) {
        expect(await append(count + 1, {}, numbered(seq))).toEqual({
          outcome: 'duplicate',
          seq,
          samePayload: true,
        });
        expect(await append(count + 1, {}, numbered(seq, '[]'))).toMatchObject({ samePayload: false });
        expect(await log.seqOf(channel, `order-${seq}`, NOW)).toBe(seq);
      }
      expect(await append(count + 1, {}, numbered(count + 1))).toMatchObject({ outcome: 'appended' });
    });
  });

  describe('a message', () => {
    it('keeps who caused it and what it stands for', async () => {
      const origin = { originUserId: 'alice', originDeviceId: 'laptop', originTab: '7f3a', collapseKey: 'k' };
      await append(1, origin);
      expect(await stored()).toEqual([messageAt(1, origin)]);
    });

    it('keeps until when somebody is to answer it', async () => {
      const urgent = { escalate: { afterSeconds: 60, unless: 'read' as const }, ack: 'now' as const };
      await append(1, urgent);
      expect(await stored()).toEqual([messageAt(1, urgent)]);
    });

    it('comes back as it was appended, also without an origin', async () => {
      await append(1, { originDeviceId: undefined });
      const { messages } = await log.query(channel, 0, 1);
      expect(messages).toStrictEqual([messageAt(1, { originDeviceId: undefined })]);
      expect(await log.prove(channel, [1])).toStrictEqual({ outcome: 'proven', present: messages });
    });

    it.each(ODD_TEXTS.map((data) => [data.slice(0, 40), data]))(
      'keeps its data to the letter: %s',
      async (_, data) => {
        await append(1, { data });
        expect((await stored())[0]?.data).toBe(data);
      },
    );

    it('is returned when it has expired too: the reader counts it', async () => {
      await append(1, { expiresAt: 1_000 });
      expect(await stored()).toEqual([messageAt(1, { expiresAt: 1_000 })]);
      expect(await log.prove(channel, [1])).toMatchObject({ present: [{ seq: 1, expiresAt: 1_000 }] });
    });
  });

  describe('querying', () => {
    it('returns what lies after one seq and up to another, ascending, without the head', async () => {
      await appendAll(12);
      expect(seqsOf(await log.query(channel, 0, 12))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
      expect(seqsOf(await log.query(channel, 8, 11))).toEqual([9, 10, 11]);
      expect(await log.query(channel, 11, 50)).toEqual({ messages: [messageAt(12)], through: 50 });
    });

    it('leaves out what retention removed', async () => {
      await appendAll(5);
      await Promise.all([1, 3, 5].map((seq) => drop(channel, seq)));
      expect(await log.query(channel, 0, 5)).toEqual({
        messages: [messageAt(2), messageAt(4)],
        through: 5,
      });
    });

    it.each([
      ['nothing', 5, 5],
      ['less than nothing', 6, 5],
    ])('for %s returns nothing', async (_, after, through) => {
      await append(1);
      expect(await log.query(channel, after, through)).toEqual({ messages: [], through });
    });

    it('of a channel that does not exist returns nothing', async () => {
      expect(await log.query(channel, 0, 10)).toEqual({ messages: [], through: 10 });
    });

    it('goes through large logs page by page, each telling how far it reaches', async () => {
      const count = 1200;
      await appendAll(count, { data: `"${'x'.repeat(1500)}"` });
      const seqs: number[] = [];
      let pages = 0;
      for (let after = 0; after < count; pages++) {
        const page = await log.query(channel, after, count);
        seqs.push(...seqsOf(page));
        expect(page.through).toBeGreaterThan(after);
        expect(seqs.length).toBe(page.through);
        after = page.through;
      }
      expect(pages).toBeGreaterThan(1);
      expect(seqs).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    });
  });

  describe('querying backwards', () => {
    const back = async (after: number, through: number, limit: number) => {
      const { messages, from } = await log.queryBack(channel, after, through, limit);
      return { seqs: messages.map(({ seq }) => seq), from };
    };

    it('brings the newest of a range first', async () => {
      await appendAll(6);
      expect(await back(0, 6, 10)).toEqual({ seqs: [6, 5, 4, 3, 2, 1], from: 1 });
      expect(await back(2, 5, 10)).toEqual({ seqs: [5, 4, 3], from: 3 });
    });

    it('tells how far down a page reaches that is full', async () => {
      await appendAll(6);
      expect(await back(0, 6, 2)).toEqual({ seqs: [6, 5], from: 5 });
    });

    it('passes over what retention has deleted', async () => {
      await appendAll(4);
      await drop(channel, 3);
      expect(await back(0, 4, 2)).toEqual({ seqs: [4, 2], from: 2 });
    });

    it('of nothing is empty', async () => {
      expect(await back(5, 5, 10)).toEqual({ seqs: [], from: 6 });
      expect(await back(0, 9, 10)).toEqual({ seqs: [], from: 1 });
    });
  });

  describe('proving', () => {
    it('tells which of some seqs are present', async () => {
      await appendAll(4);
      await drop(channel, 3);
      const proof = await log.prove(channel, [2, 3, 4, 5]);
      expect(proof).toEqual({ outcome: 'proven', present: [messageAt(2), messageAt(4)] });
    });

    it('takes as many seqs as it says, and none', async () => {
      await appendAll(3);
      const seqs = Array.from({ length: MAX_PROOF }, (_, index) => index + 1);
      expect(await log.prove(channel, seqs)).toMatchObject({ present: [{ seq: 1 }, { seq: 2 }, { seq: 3 }] });
      expect(await log.prove(channel, [])).toEqual({ outcome: 'proven', present: [] });
    });
  });
}

const seqsOf = ({ messages }: { messages: Message[] }): number[] => messages.map(({ seq }) => seq);

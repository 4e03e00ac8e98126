/** Replay frames never exceed 32 KB and settle every seq exactly once, whatever the messages hold. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../../../lambdas/domain/model.ts';
import { keptFor } from '../../../../lambdas/domain/session/kept.ts';
import { type JsonText, messageFrame, type ReplayFrame } from '../../../../lambdas/protocol/frames.ts';
import {
  MAX_FRAME_BYTES,
  MAX_MESSAGE_BYTES,
  messageBytes,
  utf8Bytes,
} from '../../../../lambdas/protocol/limits.ts';
import { encodeFrame } from '../../../../lambdas/wire/herald/encode.ts';
import { replayFrames } from '../../../../lambdas/wire/herald/replay.ts';
import { aMessage } from '../../../support/builders.ts';

interface Log {
  after: number;
  through: number;
  messages: Message[];
}

/** What one frame carries of a log. */
type Portion = Pick<ReplayFrame<JsonText>, 'messages' | 'after' | 'through' | 'expired' | 'collapsed'>;

/** All portions at once. */
const packed = (
  on: { channel: string; epoch: string },
  log: Log,
  deviceId: string | undefined,
): ReplayFrame<JsonText>[] => {
  const { messages, after, through } = log;
  const kept = keptFor(messages, { userId: 'alice', deviceId });
  return [...replayFrames({ ...on, after, through, kept, head: through })];
};

const CHANNEL = 'user:alice';
const EPOCH = '01999999-9999-7999-8999-999999999999';
const MAX = Number.MAX_SAFE_INTEGER;
const on = (channel = CHANNEL) => ({ channel, epoch: EPOCH });

const frameOf = (portion: Portion, channel = CHANNEL, more = false): string =>
  encodeFrame({ ...portion, event: 'replay', channel, epoch: EPOCH, more });
const seqsOf = (portion: Portion): number[] => portion.messages.map(({ seq }) => seq);

/** Data that makes a message with these fields exactly so many bytes. */
function dataFilling(bytes: number, filling: string, rest: Partial<Message> = {}): string {
  const room = bytes - messageBytes(aMessage({ ...rest, data: '""' }));
  const size = utf8Bytes(filling);
  return JSON.stringify(filling.repeat(Math.floor(room / size)) + 'x'.repeat(room % size));
}

const aWithdrawal = (seq: number): Message =>
  aMessage({ seq, type: 'herald.withdrawn', data: JSON.stringify({ seqs: [Math.max(1, seq - 3)] }) });
const isWithdrawal = ({ type }: Message): boolean => type === 'herald.withdrawn';

/** What a log may hold: gaps where retention removed something, any sizes up to the largest that is published. */
const logs = fc
  .record({
    channel: fc.constantFrom('user:alice', `user:${'😀'.repeat(64)}`, `user:${'"'.repeat(256)}`),
    after: fc.oneof(fc.constant(0), fc.nat(1000), fc.constant(Number.MAX_SAFE_INTEGER - 200)),
    tail: fc.nat(5),
    steps: fc.array(
      fc.record({
        gap: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(7)),
        originDeviceId: fc.constantFrom(undefined, undefined, 'phone', 'laptop'),
        collapseKey: fc.constantFrom(undefined, undefined, 'a', 'b'),
        originTab: fc.constantFrom(undefined, 't'.repeat(128)),
        bytes: fc.oneof(fc.nat(200), fc.nat(9_000), fc.integer({ min: 31_300, max: MAX_MESSAGE_BYTES })),
        filling: fc.constantFrom('x', 'é', '€', '😀', '😀'),
        id: fc.constantFrom('m', '😀'.repeat(32), '"'.repeat(128)),
        isWithdrawal: fc.constantFrom(false, false, false, true),
      }),
      { maxLength: 20 },
    ),
  })
  .map(({ channel, after, tail, steps }) => {
    let seq = after;
    const messages = steps.map((step) => {
      const { gap, originDeviceId, originTab, collapseKey, bytes, filling, id, isWithdrawal } = step;
      seq += gap + 1;
      if (isWithdrawal) return aWithdrawal(seq);
      const fits = Math.max(bytes, messageBytes(aMessage({ id, data: '""' })));
      return aMessage({
        seq,
        id,
        originDeviceId,
        originTab: originDeviceId && originTab,
        collapseKey,
        sentAt: 1_795_939_441_798,
        data: dataFilling(fits, filling, { id }),
      });
    });
    return { channel, after, through: seq + tail, messages };
  });

const devices = fc.constantFrom('phone', 'laptop', 'tablet', undefined);

describe('replay frames', () => {
  it('are at most 32,768 bytes each', () => {
    fc.assert(
      fc.property(logs, devices, ({ channel, ...log }, device) => {
        for (const portion of packed(on(channel), log, device)) {
          for (const more of [true, false]) {
            expect(Buffer.byteLength(frameOf(portion, channel, more))).toBeLessThanOrEqual(32_768);
          }
        }
      }),
    );
  });

  it('settle every seq after the cursor exactly once, in order, none at all if there is none', () => {
    fc.assert(
      fc.property(logs, devices, ({ channel, ...log }, device) => {
        const portions = packed(on(channel), log, device);
        let settled = log.after;
        for (const portion of portions) {
          for (const seq of seqsOf(portion)) {
            expect(seq).toBeGreaterThan(settled);
            expect(seq).toBeLessThanOrEqual(portion.through);
          }
          expect(portion.through).toBeGreaterThanOrEqual(settled);
          settled = portion.through;
        }
        expect(portions.length).toBeGreaterThan(0);
        expect(settled).toBe(log.through);
      }),
    );
  });

  /** Of a collapse key, only the newest is sent. */
  const isNewest = ({ messages }: Log, { seq, collapseKey }: Message): boolean =>
    collapseKey === undefined ||
    !messages.some((other) => other.collapseKey === collapseKey && other.seq > seq);

  it('hold each message once, in order, but the own ones of the device and the older ones of a collapse key', () => {
    fc.assert(
      fc.property(logs, devices, ({ channel, ...log }, device) => {
        const isOwn = ({ originDeviceId, originTab }: Message) =>
          device !== undefined && originDeviceId === device && originTab === undefined;
        const told = log.messages.filter(
          (message) => !isOwn(message) && isNewest(log, message) && !isWithdrawal(message),
        );
        expect(packed(on(channel), log, device).flatMap(seqsOf)).toEqual(told.map(({ seq }) => seq));
      }),
    );
  });

  it('count what was collapsed, and the expired apart from it', () => {
    fc.assert(
      fc.property(logs, devices, ({ channel, ...log }, device) => {
        const portions = packed(on(channel), log, device);
        const older = log.messages.filter((message) => !isNewest(log, message));
        const collapsed = portions.reduce((sum, portion) => sum + (portion.collapsed ?? 0), 0);
        expect(collapsed).toBe(older.length);
        for (const portion of portions) expect(portion.collapsed).not.toBe(0);
      }),
    );
  });

  it('tell what was withdrawn, each in the frame that settles its withdrawal', () => {
    fc.assert(
      fc.property(logs, devices, ({ channel, ...log }, device) => {
        for (const { after, through, withdrawn } of packed(on(channel), log, device)) {
          const settled = log.messages.filter(({ seq }) => seq > after && seq <= through);
          const seqs = settled.filter(isWithdrawal).flatMap(({ data }) => JSON.parse(data).seqs);
          expect(withdrawn).toEqual(seqs.length > 0 ? seqs : undefined);
        }
      }),
    );
  });

  it('of withdrawals alone are cut as well', () => {
    const after = MAX - 4_000;
    const messages = Array.from({ length: 4_000 }, (_, index) => aWithdrawal(after + index + 1));
    const portions = packed(on(), { after, through: MAX, messages }, undefined);
    expect(portions.flatMap(({ withdrawn = [] }) => withdrawn)).toHaveLength(4_000);
    for (const portion of portions) expect(Buffer.byteLength(frameOf(portion))).toBeLessThanOrEqual(32_768);
    expect(portions.length).toBeLessThan(4);
  });

  it('tell the device whose tab caused a message which tab it was, and no other', () => {
    const messages = [
      aMessage({ seq: 1, originDeviceId: 'laptop', originTab: '7f3a' }),
      aMessage({ seq: 2 }),
    ];
    const originsFor = (device: string | undefined) =>
      packed(on(), { after: 0, through: 2, messages }, device).map((portion) =>
        JSON.parse(frameOf(portion)).messages.map(({ origin }: { origin?: string }) => origin),
      );
    expect(originsFor('laptop')).toEqual([['7f3a', undefined]]);
    expect(originsFor('phone')).toEqual([[undefined, undefined]]);
    expect(originsFor(undefined)).toEqual([[undefined, undefined]]);
  });

  it('count what has expired, each in the frame whose `through` passes it', () => {
    fc.assert(
      fc.property(logs, devices, ({ channel, ...log }, device) => {
        let settled = log.after;
        for (const { through, expired } of packed(on(channel), log, device)) {
          const kept = log.messages.filter(({ seq }) => seq > settled && seq <= through).length;
          expect(expired).toBe(through - settled - kept);
          settled = through;
        }
      }),
    );
  });

  it('are as few as fit: the next message would not have gone into the one before', () => {
    fc.assert(
      fc.property(logs, ({ channel, ...log }) => {
        const portions = packed(on(channel), log, undefined);
        const counted = portions.some(({ collapsed }) => collapsed !== undefined) && { collapsed: MAX };
        const isWithdrawn = log.messages.some(isWithdrawal);
        for (const [index, portion] of portions.entries()) {
          const next = portions[index + 1]?.messages[0];
          if (next === undefined) continue;
          const messages = [...portion.messages, next];
          const withdrawn = isWithdrawn && { withdrawn: [...(portion.withdrawn ?? [])] };
          const joined = { messages, after: MAX, through: MAX, expired: MAX, ...counted, ...withdrawn };
          // Both lists begin without a comma, and only one is counted so.
          const spare = isWithdrawn ? 1 : 0;
          expect(Buffer.byteLength(frameOf(joined, channel))).toBeGreaterThan(MAX_FRAME_BYTES - spare);
        }
      }),
    );
  });

  it('take a second message to the byte, whatever the numbers around them', () => {
    const first = aMessage({ seq: 1, data: '"😀"' });
    const room =
      MAX_FRAME_BYTES - Buffer.byteLength(widestFrameOf([first, aMessage({ seq: 2, data: '""' })]));
    for (const [length, frames] of [
      [room, 1],
      [room + 1, 2],
    ] as const) {
      const messages = [first, aMessage({ seq: 2, data: JSON.stringify('x'.repeat(length)) })];
      expect(packed(on(), { after: 0, through: 2, messages }, undefined)).toHaveLength(frames);
    }
  });

  const widestFrameOf = (messages: Message[]) =>
    frameOf({ messages, after: MAX, through: MAX, expired: MAX });
});

describe('a replay of', () => {
  it('nothing is one empty frame', () => {
    expect(packed(on(), { after: 7, through: 7, messages: [] }, 'phone')).toMatchObject([
      { messages: [], after: 7, through: 7, expired: 0 },
    ]);
  });

  it('expired messages only is one empty frame that counts them', () => {
    expect(packed(on(), { after: 2, through: 9, messages: [] }, 'phone')).toMatchObject([
      { messages: [], after: 2, through: 9, expired: 7 },
    ]);
  });

  it('own messages only is one empty frame that passes over them', () => {
    const messages = [1, 2, 3].map((seq) => aMessage({ seq, originDeviceId: 'phone' }));
    expect(packed(on(), { after: 0, through: 3, messages }, 'phone')).toMatchObject([
      { messages: [], after: 0, through: 3, expired: 0 },
    ]);
  });

  it('a user without a device leaves nothing out', () => {
    const messages = [aMessage({ seq: 1, originDeviceId: 'phone' }), aMessage({ seq: 2 })];
    const [portion] = packed(on(), { after: 0, through: 2, messages }, undefined);
    expect(portion && seqsOf(portion)).toEqual([1, 2]);
  });

  it('10,000 small messages takes a handful of frames', () => {
    const messages = Array.from({ length: 10_000 }, (_, index) => aMessage({ seq: index + 1 }));
    const portions = packed(on(), { after: 0, through: 10_000, messages }, undefined);
    expect(portions.flatMap(seqsOf)).toHaveLength(10_000);
    expect(portions.length).toBeLessThan(25);
    for (const portion of portions) expect(Buffer.byteLength(frameOf(portion))).toBeLessThanOrEqual(32_768);
  });
});

describe('the largest message', () => {
  const widest = { seq: MAX, sentAt: MAX };

  it.each(['x', 'é', '€', '😀'])('fits into a frame of its own, whatever is around it: of %s', (filling) => {
    for (const channel of [CHANNEL, `user:${'😀'.repeat(64)}`, `user:${'"'.repeat(256)}`]) {
      const message = aMessage({ ...widest, data: dataFilling(MAX_MESSAGE_BYTES, filling) });
      const log = { after: widest.seq - 1, through: widest.seq, messages: [message] };
      const [portion] = packed(on(channel), log, undefined);
      expect(portion?.messages).toHaveLength(1);
      const alone = { messages: [message], after: MAX, through: MAX, expired: MAX };
      expect(Buffer.byteLength(frameOf(alone, channel))).toBeLessThanOrEqual(MAX_FRAME_BYTES);
    }
  });

  it('fits also with the longest name of a tab, and where others were collapsed', () => {
    const channel = `user:${'"'.repeat(256)}`;
    const around = { collapseKey: 'k', originDeviceId: 'laptop', originTab: 't'.repeat(128) };
    const newest = aMessage({ ...widest, ...around, data: dataFilling(MAX_MESSAGE_BYTES, 'x') });
    const older = aMessage({ seq: MAX - 1, ...around });
    const log = { after: MAX - 2, through: MAX, messages: [older, newest] };
    const [portion, ...others] = packed(on(channel), log, 'laptop');
    expect(others).toEqual([]);
    expect(portion).toMatchObject({ collapsed: 1, messages: [{ origin: around.originTab }] });
    const alone = {
      messages: portion?.messages ?? [],
      after: MAX,
      through: MAX,
      expired: MAX,
      collapsed: MAX,
    };
    expect(Buffer.byteLength(frameOf(alone, channel))).toBeLessThanOrEqual(MAX_FRAME_BYTES);
    const live = encodeFrame(messageFrame(channel, newest, around.originTab));
    expect(Buffer.byteLength(live)).toBeLessThanOrEqual(MAX_FRAME_BYTES);
  });

  it('fits into a live frame too', () => {
    fc.assert(
      fc.property(logs, ({ channel, messages }) => {
        for (const message of messages) {
          const frame = encodeFrame(messageFrame(channel, message));
          expect(Buffer.byteLength(frame)).toBeLessThanOrEqual(MAX_FRAME_BYTES);
        }
      }),
    );
  });

  it('shares no frame, nor do its neighbours lose theirs', () => {
    const large = (seq: number) => aMessage({ seq, data: dataFilling(MAX_MESSAGE_BYTES, '😀') });
    const messages = [1, 4].map((seq) => aMessage({ seq, data: dataFilling(1000, 'x') }));
    const [first, last] = messages as [Message, Message];
    const log = { after: 0, through: 4, messages: [first, large(2), large(3), last] };
    const portions = packed(on(), log, undefined);
    expect(portions.map(seqsOf)).toEqual([[1], [2], [3], [4]]);
    expect(portions.map(({ through }) => through)).toEqual([1, 2, 3, 4]);
  });
});

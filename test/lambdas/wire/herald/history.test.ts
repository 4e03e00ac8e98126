/** A page of the history as one frame, whatever its messages are. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { HistoryFrame } from '../../../../lambdas/protocol/frames.ts';
import { MAX_FRAME_BYTES, MAX_MESSAGE_BYTES } from '../../../../lambdas/protocol/limits.ts';
import { encodeFrame } from '../../../../lambdas/wire/herald/encode.ts';
import { fitHistory } from '../../../../lambdas/wire/herald/history.ts';

const frameOf = (sizes: number[], rest: Partial<HistoryFrame<string>> = {}): HistoryFrame<string> => ({
  event: 'history',
  channel: 'user:alice',
  epoch: '0199c0de-0000-7000-8000-000000000000',
  messages: sizes.map((size, index) => ({
    seq: sizes.length - index,
    id: 'i',
    type: 't',
    data: JSON.stringify('x'.repeat(size)),
    sentAt: 1_795_939_441_798,
    read: index % 2 === 0,
  })),
  more: false,
  unread: 1000,
  ...rest,
});

it('is written as the contract has it', () => {
  expect(JSON.parse(encodeFrame(frameOf([1], { ref: 'h1', more: true })))).toEqual({
    event: 'history',
    ref: 'h1',
    channel: 'user:alice',
    epoch: '0199c0de-0000-7000-8000-000000000000',
    messages: [{ seq: 1, id: 'i', type: 't', data: 'x', sentAt: 1_795_939_441_798, read: true }],
    more: true,
    unread: 1000,
  });
  const { messages, ...others } = frameOf([1]);
  const ofTopic = {
    ...others,
    messages: messages.map(({ read: _, ...message }) => message),
    unread: undefined,
  };
  const written = JSON.parse(encodeFrame(ofTopic as unknown as HistoryFrame<string>));
  expect(Object.keys(written)).not.toContain('unread');
  expect(Object.keys(written.messages[0])).not.toContain('read');
});

it('holds as many of the newest messages as fit, and says when more follow', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 12_000 }), { maxLength: 12 }), (sizes) => {
      const whole = frameOf(sizes);
      const frame = fitHistory(whole);
      const count = frame.messages.length;

      expect(Buffer.byteLength(encodeFrame(frame))).toBeLessThanOrEqual(MAX_FRAME_BYTES);
      expect(frame.messages).toEqual(whole.messages.slice(0, count));
      expect(frame.more).toBe(count < sizes.length);
      if (count < sizes.length) {
        const one = { ...whole, messages: whole.messages.slice(0, count + 1) };
        expect(Buffer.byteLength(encodeFrame(one))).toBeGreaterThan(MAX_FRAME_BYTES);
      }
    }),
  );
});

it('always holds the largest message, with the longest names and ref', () => {
  const largest = MAX_MESSAGE_BYTES - '"i""t"""'.length;
  const longest = { channel: `user:${'"'.repeat(256)}`, ref: 'r'.repeat(128) };
  const frame = frameOf([largest, 1], { ...longest, unread: 1000 });
  const numbers = frame.messages.map((message) => ({
    ...message,
    seq: Number.MAX_SAFE_INTEGER,
    origin: 'o'.repeat(128),
    ack: 'now' as const,
  }));
  const fitting = fitHistory({ ...frame, messages: numbers });

  expect(fitting.messages).toHaveLength(1);
  expect(Buffer.byteLength(encodeFrame(fitting))).toBeLessThanOrEqual(MAX_FRAME_BYTES);
});

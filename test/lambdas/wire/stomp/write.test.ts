/** What STOMP clients are told, as text: no frame is larger than the gateway carries, none is of JSON. */
import { describe, expect, it } from 'vitest';
import { messageIdOf } from '../../../../lambdas/domain/stomp/message-id.ts';
import { MAX_FRAME_BYTES, MAX_MESSAGE_BYTES, utf8Bytes } from '../../../../lambdas/protocol/limits.ts';
import {
  MAX_NAMES_BYTES,
  MESSAGE_HEAD_BYTES,
  STOMP_VERSIONS,
  type StompMessage,
} from '../../../../lambdas/protocol/stomp.ts';
import { framesIn } from '../../../../lambdas/wire/stomp/grammar.ts';
import { stompFrames } from '../../../../lambdas/wire/stomp/read.ts';
import { writeStomp } from '../../../../lambdas/wire/stomp/write.ts';

const EPOCH = '01995f6e-7f5c-7000-8000-000000000001';

const message = (over: Partial<StompMessage> = {}): StompMessage => ({
  subscription: 'sub-0',
  destination: '/user/queue/any',
  messageId: messageIdOf({ epoch: EPOCH, seq: 58 }),
  asksForAck: false,
  message: { seq: 58, id: 'order-1', type: 'order.shipped', data: '{"n":1}', sentAt: 1_795_939_441_798 },
  replayed: false,
  expired: 0,
  ...over,
});

const textOf = (messages: StompMessage[]) => writeStomp({ event: 'stomp.messages', messages }, '1.2');

describe('MESSAGE', () => {
  it('is written as its clients read it', () => {
    expect(textOf([message()])).toBe(
      `MESSAGE\ndestination:/user/queue/any\nsubscription:sub-0\nmessage-id:58.${EPOCH}\ncontent-type:application/json\nnotification-id:order-1\ntype:order.shipped\nseq:58\nsent-at:1795939441798\ncontent-length:7\n\n{"n":1}\0`,
    );
  });

  it('names what to acknowledge, that it is replayed, and what retention removed, only where it is so', () => {
    const [frame] = framesIn(textOf([message({ asksForAck: true, replayed: true, expired: 3 })]) ?? '');
    expect(new Map(frame?.headers)).toEqual(
      new Map([...new Map(frame?.headers), ['ack', `58.${EPOCH}`], ['replayed', 'true'], ['expired', '3']]),
    );
  });

  it.each(STOMP_VERSIONS)('of the largest message and the longest names fits into a frame: %s', (version) => {
    const [id, type] = [':'.repeat(128), ':'.repeat(128)];
    const data = JSON.stringify('x'.repeat(MAX_MESSAGE_BYTES - 2 * 130 - 2));
    const names = version === '1.0' ? MAX_NAMES_BYTES : MAX_NAMES_BYTES / 2;
    const seq = 999_999_999_999_999;
    const largest = message({
      destination: `/user/queue/${':'.repeat(names - 100)}`.slice(0, names - 50),
      subscription: ':'.repeat(50),
      messageId: messageIdOf({ epoch: EPOCH, seq }),
      asksForAck: true,
      message: { seq, id, type, data, sentAt: 9_999_999_999_999 },
      replayed: true,
      expired: 999_999_999_999_999,
    });
    expect(utf8Bytes(`"${id}""${type}"${data}`)).toBe(MAX_MESSAGE_BYTES);
    const text = writeStomp({ event: 'stomp.messages', messages: [largest] }, version) ?? '';
    expect(utf8Bytes(text)).toBeLessThanOrEqual(MAX_FRAME_BYTES);
    const { destination, subscription } = largest;
    const names2 = utf8Bytes(`${destination}${subscription}`.replaceAll(':', version === '1.0' ? ':' : '::'));
    expect(utf8Bytes(text) - names2 - MAX_MESSAGE_BYTES).toBeLessThanOrEqual(MESSAGE_HEAD_BYTES);
  });
});

describe('SUBSCRIBE', () => {
  const subscribe = (destination: string, id: string) => () => {
    for (const frame of stompFrames(`SUBSCRIBE\ndestination:${destination}\nid:${id}\n\n\0`))
      frame.read('1.2');
  };

  it('may have a name of a topic as its id, and no names that its messages have no room for', () => {
    const topic = `/topic/${'x'.repeat(128)}`;
    expect(subscribe(topic, topic)).not.toThrow();
    expect(subscribe('/user/queue/x', 'i'.repeat(MAX_NAMES_BYTES - 13))).not.toThrow();
    expect(subscribe('/user/queue/x', 'i'.repeat(MAX_NAMES_BYTES - 12))).toThrow(
      'at most 448 bytes together',
    );
    expect(subscribe('/user/queue/x', '\\c'.repeat(MAX_NAMES_BYTES / 2))).toThrow('together');
    expect(subscribe('/user/queue/x', '€'.repeat(200))).toThrow('together');
  });
});

describe('what else is told', () => {
  it('CONNECTED has a heart-beat always, and no user name that would end its line', () => {
    const connected = (userId: string) =>
      writeStomp({ event: 'stomp.connected', userId, session: 'abc=' }, '1.1');
    expect(connected('a:b')).toBe(
      'CONNECTED\nversion:1.1\nheart-beat:0,360000\nserver:herald/1\nsession:abc=\nuser-name:a:b\n\n\0',
    );
    for (const userId of ['a\nb', 'a\rb', 'a\0b']) expect(connected(userId)).not.toContain('user-name');
  });

  it('ERROR says its code without a colon, and tells of the versions where none fits', () => {
    const error = {
      event: 'stomp.error',
      code: 'unsupported_version',
      message: 'no.',
      receipt: 'r:1',
    } as const;
    expect(writeStomp(error, '1.0')).toBe(
      'ERROR\nmessage:unsupported_version\nversion:1.0,1.1,1.2\ncontent-type:text/plain\nreceipt-id:r:1\ncontent-length:3\n\nno.\0',
    );
    expect(writeStomp({ ...error, code: 'bad_frame' }, '1.2')).toContain('receipt-id:r\\c1\n');
  });

  it('a goodbye is an ERROR with its code', () => {
    expect(
      writeStomp({ event: 'bye', code: 'revoked', message: '', reconnect: false, retryAfterMs: 0 }, '1.2'),
    ).toMatch(/^ERROR\nmessage:revoked\n/);
  });

  it('nothing that is said to clients of JSON has a frame', () => {
    expect(writeStomp({ event: 'pong', heads: [] } as never, '1.2')).toBeUndefined();
  });
});

/** What the headers of a client's frame mean. */
import { describe, expect, it } from 'vitest';
import type { ConnectHeaders } from '../../../../lambdas/protocol/stomp.ts';
import { stompFrames } from '../../../../lambdas/wire/stomp/read.ts';

function connect(headers: string): ConnectHeaders {
  for (const frame of stompFrames(`CONNECT\n${headers}\n\0`)) {
    const read = frame.read('1.0');
    if (read.command === 'CONNECT') return read.connect;
  }
  throw new Error('no CONNECT');
}

describe('CONNECT', () => {
  it.each([
    ['1.2,1.1,1.0', '1.2'],
    ['1.0,1.1,1.2', '1.2'],
    ['1.1,1.0', '1.1'],
    ['1.1, 1.2', '1.2'],
    ['1.0', '1.0'],
    ['2.0,1.0', '1.0'],
  ])('agrees on the highest version of %s', (accepted, version) => {
    expect(connect(`accept-version:${accepted}\n`).version).toBe(version);
  });

  it('takes the first of a name, and of several names the first in the list, in any case of letters', () => {
    expect(connect('TOKEN:b\nauthorization:bearer a\nAuthorization:c\n').token).toBe('a');
    expect(connect('deviceId:c\nDevice-Id:b\nx-gd-uid:a\n').deviceId).toBe('a');
    expect(connect('Authorization:\ntoken:b\n').token).toBe('b');
    expect(connect('x:y\n')).toMatchObject({ token: undefined, deviceId: undefined });
  });

  it.each([
    ['stompjs 7', 'accept-version:1.2,1.1,1.0\n', 30_000],
    ['stompjs 5 and 6', 'accept-version:1.0,1.1,1.2\n', 30_000],
    ['stompjs 2.3.3', 'accept-version:1.1,1.0\n', 30_000],
    ['webstomp', 'accept-version:1.2\n', 30_000],
    ['krossbow', 'accept-version:1.2\nhost:example.com\n', 0],
    ['Spring’s, Android’s and Swift’s', 'accept-version:1.1,1.2\n', 0],
    ['one that asks for less', 'accept-version:1.2\nherald-batch:500\n', 500],
    ['one that asks for more than a frame may have', 'herald-batch:999999\nhost:x\n', 30_000],
    ['React Native', 'accept-version:1.2,1.1,1.0\nherald-batch:0\n', 0],
  ])(
    'lets several replayed messages share a text where the client reads that: %s',
    (_who, headers, bytes) => {
      expect(connect(headers).batchBytes).toBe(bytes);
    },
  );
});

describe('other frames', () => {
  const read = (text: string) => [...stompFrames(text)].map((frame) => frame.read('1.2'));

  it('SEND has JSON or text as its data, and null for no body', () => {
    const send = (body: string) => read(`SEND\ndestination:/topic/a\n\n${body}\0`)[0];
    expect(send('{"n":1}')).toMatchObject({ data: { n: 1 } });
    expect(send('plain')).toMatchObject({ data: 'plain' });
    expect(send('')).toMatchObject({ data: null });
  });

  it.each([
    ['{"n":1e400}', 'body: expected a number that a double can hold'],
    [`${'['.repeat(501)}${']'.repeat(501)}`, 'body: expected at most 500 levels of nesting'],
  ])('SEND is refused where its JSON could not be written again', (body, message) => {
    const send = () => read(`SEND\ndestination:/topic/a\n\n${body}\0`);
    expect(send).toThrow(expect.objectContaining({ code: 'bad_frame', message }));
  });

  it('ACK names its message by `id`, else by `message-id`', () => {
    expect(read('ACK\nmessage-id:b\nid:a\n\n\0ACK\nmessage-id:b\n\n\0ACK\n\n\0')).toEqual([
      { command: 'ACK', messageId: 'a' },
      { command: 'ACK', messageId: 'b' },
      { command: 'ACK', messageId: undefined },
    ]);
  });

  it('headers that ask for durability or tuning are ignored', () => {
    const headers =
      'durable:true\nauto-delete:false\nprefetch-count:1\nx-queue-name:q\nactivemq.prefetchSize:1\n';
    expect(read(`SUBSCRIBE\ndestination:/user/queue/x\nid:1\n${headers}\n\0`)).toEqual([
      { command: 'SUBSCRIBE', destination: '/user/queue/x', id: '1', ack: 'auto' },
    ]);
  });
});

/** The headers of STOMP's frames are as asyncapi.yaml says. */
import { expect, it } from 'vitest';
import type { StompErrorCode, StompFrame } from '../../lambdas/protocol/stomp.ts';
import { framesIn } from '../../lambdas/wire/stomp/grammar.ts';
import { stompFrames } from '../../lambdas/wire/stomp/read.ts';
import { writeStomp } from '../../lambdas/wire/stomp/write.ts';
import { schemasOf } from '../support/schemas.ts';

const check = schemasOf('asyncapi.yaml');

/** Throws for a frame whose headers are not those of its schema. */
function holdHeaders(text: string): void {
  for (const { command, headers } of framesIn(text))
    check(`Stomp${command.charAt(0)}${command.slice(1).toLowerCase()}`, Object.fromEntries(headers));
}

const message = { seq: 58, id: 'order-1', type: 'order.shipped', data: '{}', sentAt: 1795939441798 };
const sent = { subscription: 'sub-0', destination: '/user/queue/x', messageId: 'm1', message };
const CODES: Record<StompErrorCode, true> = {
  bad_token: true,
  unsupported_version: true,
  not_connected: true,
  already_connected: true,
  bad_frame: true,
  frame_too_large: true,
  unknown_destination: true,
  forbidden: true,
  unsupported: true,
  too_many_subscriptions: true,
  internal: true,
  rate_limited: true,
  token_expired: true,
  too_many_connections: true,
  revoked: true,
};

it.each<StompFrame>([
  { event: 'stomp.connected', userId: 'alice', session: 's1=' },
  { event: 'stomp.receipt', receipt: 'r1' },
  { event: 'stomp.messages', messages: [{ ...sent, asksForAck: false, replayed: false, expired: 0 }] },
  { event: 'stomp.messages', messages: [{ ...sent, asksForAck: true, replayed: true, expired: 3 }] },
  ...(Object.keys(CODES) as StompErrorCode[]).map((code) => ({
    ...{ event: 'stomp.error' as const, code, message: 'No.', receipt: 'r1' },
  })),
])('$event is written as the schema says', (frame) => {
  holdHeaders(writeStomp(frame, '1.2') ?? '');
});

it.each([
  'CONNECT\naccept-version:1.2\nAuthorization:Bearer x\nX-GD-UID:page\nherald-batch:0\n\n\0',
  'SUBSCRIBE\nid:sub-0\ndestination:/topic/news\nack:client-individual\nreceipt:r\n\n\0',
  'UNSUBSCRIBE\nid:sub-0\n\n\0',
  'SEND\ndestination:/app/ack\n\norder-1\0',
  'ACK\nid:m1\n\n\0',
  'NACK\nid:m1\n\n\0',
  'DISCONNECT\nreceipt:r\n\n\0',
])('%j is as the schema says, and read', (text) => {
  holdHeaders(text);
  for (const frame of stompFrames(text)) frame.read('1.2');
});

it.each([
  'CONNECT\nherald-batch:many\n\n\0',
  'CONNECT\nX-GD-UID:no spaces\n\n\0',
  'SUBSCRIBE\nid:sub-0\n\n\0',
  'SUBSCRIBE\nid:sub-0\ndestination:/topic/news\nack:all\n\n\0',
  'SEND\n\nhello\0',
])('%j is neither', (text) => {
  expect(() => holdHeaders(text)).toThrow('not a Stomp');
  expect(() => [...stompFrames(text)].map((frame) => frame.read('1.2'))).toThrow();
});

/** The JSON of the protocol's page: it parses, is as the schemas say, and the server takes it. */
import { describe, expect, it } from 'vitest';
import type { ClientFrame } from '../../lambdas/protocol/client-frame.ts';
import { BYES, FRAME_ERRORS } from '../../lambdas/protocol/errors.ts';
import { parseClientFrame } from '../../lambdas/wire/herald/parse.ts';
import { schemasOf } from '../support/schemas.ts';
import { block, CLAIMS, read } from './blocks.ts';

const checkHttp = schemasOf('openapi.yaml');
const checkFrame = schemasOf('asyncapi.yaml');

const SERVER_FRAMES: Record<string, string> = {
  ready: 'Ready',
  message: 'MessageFrame',
  replay: 'Replay',
  pong: 'Pong',
  error: 'Error',
  bye: 'Bye',
};
const CLIENT_FRAMES: Record<ClientFrame['action'], string> = { ack: 'Ack', sync: 'Sync', ping: 'Ping' };

/** One object over many lines, or one on each. */
const objectsOf = (text: string): Record<string, unknown>[] =>
  text.startsWith('{\n')
    ? [JSON.parse(text)]
    : text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));

function holdClientFrame(text: string): void {
  const { action } = parseClientFrame(text);
  checkFrame(CLIENT_FRAMES[action], JSON.parse(text));
}

it.each(CLAIMS.frames)('%s', (claim) => {
  for (const object of objectsOf(block(claim))) {
    if ('event' in object) checkFrame(SERVER_FRAMES[String(object.event)] ?? '', object);
    else if ('action' in object) holdClientFrame(JSON.stringify(object));
    else checkHttp('PublishAnswer', object);
  }
});

describe('what a client may send besides', () => {
  it.each([
    { action: 'ack', seq: 0 },
    { action: 'ack', seq: Number.MAX_SAFE_INTEGER, ref: 'a1' },
    { action: 'ack', seq: 58, channel: 'user:alice', epoch: '019aa3c1' },
    { action: 'sync' },
    { action: 'sync', after: 0, channel: 'user:alice', epoch: '019aa3c1', ref: '' },
    { action: 'ping', ref: 'r'.repeat(128) },
  ])('%j is as the schema says, and taken', (frame) => {
    holdClientFrame(JSON.stringify(frame));
  });

  it.each([
    { action: 'ack' },
    { action: 'ack', seq: -1 },
    { action: 'ack', seq: 1.5 },
    { action: 'sync', after: '42' },
    { action: 'ping', ref: 1 },
  ])('%j is neither', (frame) => {
    expect(() => parseClientFrame(JSON.stringify(frame))).toThrow();
    const schema = CLIENT_FRAMES[frame.action as ClientFrame['action']];
    expect(() => checkFrame(schema, frame)).toThrow();
  });
});

it('what the pages publish is a notification', () => {
  const bodies = ['README.md', 'docs/guide.md'].flatMap(
    (file) => read(file).match(/\{"to":\{.*?\}(?=')/g) ?? [],
  );
  expect(bodies.length).toBeGreaterThan(1);
  for (const body of bodies) checkHttp('Notification', JSON.parse(body));
});

it('every code of a goodbye and of an error that is told of is in the schema', () => {
  const [, byes = '', errors = ''] =
    read('docs/protocol.md').match(/(\| `bye`[\s\S]*?)\n\n[\s\S]*?(\| error[\s\S]*?)\n\n/) ?? [];
  const toldOf = (table: string, codes: object) =>
    [...table.matchAll(/`([a-z_]+)`/g)].map(([, code = '']) => code).filter((code) => code in codes);
  expect(toldOf(byes, BYES).toSorted()).toEqual(Object.keys(BYES).toSorted());
  expect(toldOf(errors, FRAME_ERRORS).toSorted()).toEqual(Object.keys(FRAME_ERRORS).toSorted());
  for (const [code, { reconnect }] of Object.entries(BYES)) {
    expect(byes).toMatch(new RegExp(`\\| \`${code}\` +\\| \`${reconnect}\``));
    checkFrame('Bye', { event: 'bye', code, message: '', reconnect, retryAfterMs: 0 });
  }
  for (const [code, { retryable }] of Object.entries(FRAME_ERRORS))
    checkFrame('Error', { event: 'error', code, message: '', retryable, retryAfterMs: 100 });
});

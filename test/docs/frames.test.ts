/** The JSON of the protocol's page: it parses, is as the schemas say, and the server takes it. */
import { describe, expect, it } from 'vitest';
import type { LambdaSpec } from '../../lambdas/lambda-spec.ts';
import { LAMBDA_NAMES, LAMBDAS } from '../../lambdas/manifest.ts';
import type { ClientFrame } from '../../lambdas/protocol/client-frame.ts';
import { BYES, FRAME_ERRORS } from '../../lambdas/protocol/errors.ts';
import type { ServerFrame } from '../../lambdas/protocol/frames.ts';
import { parseNotification } from '../../lambdas/protocol/notification.ts';
import { parseOutboxEntry } from '../../lambdas/protocol/outbox.ts';
import { parsePermissions } from '../../lambdas/protocol/permissions.ts';
import { parseClientFrame, parsePublishFrame } from '../../lambdas/wire/herald/parse.ts';
import { pathsOf, schemasOf } from '../support/schemas.ts';
import { block, CLAIMS, read } from './blocks.ts';

const checkHttp = schemasOf('openapi.yaml');
const checkFrame = schemasOf('asyncapi.yaml');

const SERVER_FRAMES: Record<ServerFrame['event'], string> = {
  ready: 'Ready',
  message: 'MessageFrame',
  replay: 'Replay',
  subscribed: 'Subscribed',
  unsubscribed: 'Unsubscribed',
  published: 'Published',
  taken: 'Taken',
  withdrawn: 'Withdrawn',
  read: 'ReadStateFrame',
  history: 'HistoryFrame',
  pong: 'Pong',
  error: 'Error',
  bye: 'Bye',
};
const CLIENT_FRAMES: Record<ClientFrame['action'] | 'publish', string> = {
  ack: 'Ack',
  sync: 'Sync',
  ping: 'Ping',
  subscribe: 'Subscribe',
  unsubscribe: 'Unsubscribe',
  publish: 'Publish',
  send: 'Send',
  history: 'HistoryRequest',
  read: 'Read',
};

/** One object over many lines, or one on each. */
const objectsOf = (text: string): Record<string, unknown>[] =>
  text.startsWith('{\n')
    ? [JSON.parse(text)]
    : text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));

/** Throws for a frame that the server refuses or the schema does. */
function holdClientFrame(frame: Record<string, unknown>): void {
  takeClientFrame(frame);
  checkFrame(CLIENT_FRAMES[frame.action as ClientFrame['action']], frame);
}

const takeClientFrame = (frame: Record<string, unknown>): unknown =>
  frame.action === 'publish'
    ? parsePublishFrame(JSON.stringify(frame))
    : parseClientFrame(JSON.stringify(frame));

/** What a block holds that is no frame, by a field that nothing else has. */
const OTHERS: Record<string, (value: Record<string, unknown>) => void> = {
  results: (answer) => checkHttp('PublishAnswer', answer),
  devices: (detail) => checkFrame('MessageUnanswered', detail),
  destination: (detail) => checkFrame('ClientMessage', detail),
  subscribe: (claim) => holdPermissions(claim),
  notification: (row) => {
    expect(parseOutboxEntry({ id: String(row.id), text: JSON.stringify(row.notification) }).id).toBe(row.id);
  },
};

function holdPermissions(claim: unknown): void {
  parsePermissions(claim);
  checkFrame('Permissions', claim);
}

it.each(CLAIMS.frames)('%s', (claim) => {
  for (const object of objectsOf(block(claim))) {
    if ('event' in object) checkFrame(SERVER_FRAMES[object.event as ServerFrame['event']], object);
    else if ('action' in object) holdClientFrame(object);
    else {
      const [, hold] = Object.entries(OTHERS).find(([field]) => field in object) ?? [];
      if (hold === undefined) throw new Error(`nobody knows what this is: ${JSON.stringify(object)}`);
      hold(object);
    }
  }
});

describe('what a client may send besides', () => {
  it.each([
    { action: 'ack', seq: 0 },
    { action: 'ack', seq: Number.MAX_SAFE_INTEGER, ref: 'a1' },
    { action: 'ack', seq: 58, channel: 'user:alice', epoch: '019aa3c1' },
    { action: 'ack', acks: [{ seq: 7, channel: 'everyone', epoch: '019aa3c1' }], ref: 'a1' },
    { action: 'sync' },
    { action: 'sync', after: 0, channel: 'topic:news', epoch: '019aa3c1', ref: '' },
    { action: 'ping', ref: 'r'.repeat(128) },
    { action: 'subscribe', channel: 'everyone' },
    { action: 'publish', to: { everyone: true }, type: 'note', tab: '7f3a' },
    { action: 'publish', to: { users: ['alice', 'bob'] }, type: 'note', collapseKey: 'score' },
    { action: 'publish', to: { user: 'bob' }, type: 'note', retentionSeconds: 60 },
    { action: 'send', destination: 'orders' },
    { action: 'history' },
    { action: 'history', channel: 'topic:news', before: 0, limit: 100 },
    { action: 'read', through: 0, ref: 'r1' },
  ])('%j is as the schema says, and taken', (frame) => {
    holdClientFrame(frame);
  });

  it.each([
    { action: 'ack' },
    { action: 'ack', seq: -1 },
    { action: 'ack', seq: 1.5 },
    { action: 'ack', seq: 1, acks: [{ seq: 1 }] },
    { action: 'ack', acks: [] },
    { action: 'ack', acks: [{ channel: 'topic:news' }] },
    { action: 'sync', after: '42' },
    { action: 'ping', ref: 1 },
    { action: 'subscribe' },
    { action: 'subscribe', channel: 'topic:news', after: -1 },
    { action: 'unsubscribe' },
    { action: 'publish', type: 'note' },
    { action: 'publish', to: { topic: 'news' } },
    { action: 'publish', to: { topic: 'news', user: 'alice' }, type: 'note' },
    { action: 'publish', to: { topic: 'no spaces' }, type: 'note' },
    { action: 'publish', to: { topic: 'news' }, type: 'herald.withdrawn' },
    { action: 'publish', to: { topic: 'news' }, type: 'note', excludeDeviceId: 'phone' },
    { action: 'publish', to: { topic: 'news' }, type: 'note', tab: 'a/b' },
    { action: 'send', destination: 'no spaces' },
    { action: 'history', limit: 101 },
    { action: 'history', before: -1 },
    { action: 'read' },
    { action: 'read', through: 1, unread: [1] },
    { action: 'read', seqs: [0] },
  ])('%j is neither', (frame) => {
    expect(() => takeClientFrame(frame)).toThrow();
    const schema = CLIENT_FRAMES[frame.action as ClientFrame['action']];
    expect(() => checkFrame(schema, frame)).toThrow();
  });
});

describe('the claim of permissions', () => {
  it.each([{}, { subscribe: ['*'] }, { subscribe: ['topic:*'], publish: ['user:alice', 'everyone'] }])(
    '%j is as the schema says, and read',
    (claim) => holdPermissions(claim),
  );

  it.each([
    { listen: [] },
    { subscribe: 'topic:news' },
    { subscribe: ['news'] },
    { publish: ['topic:*.news'] },
    { publish: [7] },
  ])('%j is neither', (claim) => {
    expect(() => parsePermissions(claim)).toThrow();
    expect(() => checkFrame('Permissions', claim)).toThrow();
  });
});

describe('a notification', () => {
  it.each([
    { to: { topic: 'news' }, type: 'note', collapseKey: 'score' },
    { to: { topic: 'news' }, type: 'note', excludeUserId: 'alice', excludeDeviceId: 'laptop/7f3a' },
    { to: { everyone: true }, type: 'note', excludeUserId: 'alice' },
    { to: { user: 'alice' }, type: 'note', excludeDeviceId: 'laptop' },
  ])('%j is as the schema says, and taken', (notification) => {
    parseNotification(notification);
    checkHttp('Notification', notification);
  });

  it.each([
    { to: { topic: 'no spaces' }, type: 'note' },
    { to: { everyone: false }, type: 'note' },
    { to: { topic: 'news', everyone: true }, type: 'note' },
    { to: { topic: 'news' }, type: 'note', collapseKey: '' },
    { to: { topic: 'news' }, type: 'note', excludeUserId: 'alice', excludeDeviceId: 'a/b/c' },
  ])('%j is neither', (notification) => {
    expect(() => parseNotification(notification)).toThrow();
    expect(() => checkHttp('Notification', notification)).toThrow();
  });
});

it('what the pages publish is a notification', () => {
  const bodies = ['README.md', 'docs/guide.md'].flatMap(
    (file) => read(file).match(/\{"to":\{.*?\}(?=')/g) ?? [],
  );
  expect(bodies.length).toBeGreaterThan(1);
  for (const body of bodies) checkHttp('Notification', JSON.parse(body));
});

it('every request that a Lambda serves is described, and no other', () => {
  const specs: LambdaSpec[] = LAMBDA_NAMES.map((name) => LAMBDAS[name]);
  const served = specs.flatMap(({ httpRoutes = {} }) => Object.keys(httpRoutes));
  const described = Object.entries(pathsOf('openapi.yaml')).flatMap(([path, item]) =>
    Object.keys(item)
      .filter((key) => key !== 'parameters')
      .map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described.toSorted()).toEqual(served.toSorted());
  const page = read('docs/protocol.md');
  for (const route of served) expect(page).toContain(`\`${route}`);
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

/** What the registry of message types lets through and what it makes of it. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import {
  applyType,
  defineMessageTypes,
  type MessageTypes,
} from '../../../../lambdas/domain/publish/message-types.ts';
import type { Settings } from '../../../../lambdas/domain/settings.ts';
import { userChannel } from '../../../../lambdas/protocol/channel.ts';
import { RequestError } from '../../../../lambdas/protocol/errors.ts';
import { NO_ORIGIN, type Notification } from '../../../../lambdas/protocol/notification.ts';

const settings: Settings = {
  callbackUrl: 'http://127.0.0.1:1',
  maxConnectionsPerUser: 10,
  maxDevicesPerUser: 1_000,
  frameRate: 1_000,
  maxSubscriptions: 100,
  everyone: true,
  openTopics: [],
  fanOutPage: 256,
  fanOutRate: 5_000,
  appMessages: false,
  events: false,
  offlineAfterSeconds: 30,
  defaultRetentionSeconds: 1000,
  closedTypes: false,
  logSampling: 100,
};

const notification = (over: Partial<Notification>): Notification => ({
  channels: [userChannel('alice')],
  type: 'order.shipped',
  data: null,
  trace: false,
  id: undefined,
  origin: NO_ORIGIN,
  collapseKey: undefined,
  retentionSeconds: undefined,
  ...over,
});

const apply = (types: MessageTypes, over: Partial<Notification>, closedTypes = false) =>
  applyType(notification(over), types, { ...settings, closedTypes });

const faultsOf = async (types: MessageTypes, over: Partial<Notification>, closedTypes = false) =>
  await apply(types, over, closedTypes).then(
    () => [],
    (error: unknown) => {
      expect(error).toBeInstanceOf(RequestError);
      return error instanceof RequestError ? error.errors : [];
    },
  );

/** A Standard Schema by hand. */
const schema = (
  validate: (value: unknown) => StandardSchemaV1.Result<unknown> | Promise<StandardSchemaV1.Result<unknown>>,
): StandardSchemaV1 => ({ '~standard': { version: 1, vendor: 'test', validate } });

describe('data that its type describes', () => {
  const types = defineMessageTypes({
    'order.shipped': {
      data: v.object({
        orderId: v.string(),
        lines: v.optional(v.array(v.object({ sku: v.pipe(v.string(), v.trim()) })), []),
      }),
    },
  });

  it('is stored as the validator puts it out', async () => {
    const data = { orderId: '7', lines: [{ sku: ' x ' }], other: 1 };
    expect((await apply(types, { data })).data).toEqual({ orderId: '7', lines: [{ sku: 'x' }] });
    expect((await apply(types, { data: { orderId: '7' } })).data).toEqual({ orderId: '7', lines: [] });
  });

  it('is refused with the path of every fault', async () => {
    const data = { orderId: 7, lines: [{ sku: 'x' }, { sku: null }] };
    expect(await faultsOf(types, { data })).toEqual([
      { path: 'data.orderId', message: expect.any(String) },
      { path: 'data.lines[1].sku', message: expect.any(String) },
    ]);
  });

  it('is refused as a whole when there is none', async () => {
    expect(await faultsOf(types, { data: null })).toEqual([{ path: 'data', message: expect.any(String) }]);
  });

  it('may be validated by anything that follows Standard Schema, asynchronously too', async () => {
    const later = schema(async (value) => ({ value: { seen: value } }));
    expect((await apply({ 'order.shipped': { data: later } }, { data: 7 })).data).toEqual({ seen: 7 });
  });

  it.each([
    [undefined, 'data'],
    [[], 'data'],
    [['a', 'b'], 'data.a.b'],
    [[0, 'a', 1], 'data[0].a[1]'],
    [[{ key: 'a' }, { key: 2 }], 'data.a[2]'],
    [[Symbol('s')], 'data.Symbol(s)'],
  ])('is told the path %j as %s', async (path, told) => {
    const strict = schema(() => ({ issues: [{ message: 'no', path }] }) as StandardSchemaV1.FailureResult);
    expect(await faultsOf({ 'order.shipped': { data: strict } }, {})).toEqual([
      { path: told, message: 'no' },
    ]);
  });

  it('is not stored when its validator cannot tell: that is no fault of the publisher', async () => {
    const broken = schema(async () => Promise.reject(new Error('database down')));
    await expect(apply({ 'order.shipped': { data: broken } }, {})).rejects.toThrow('database down');
  });
});

describe('a type that is not registered', () => {
  it('is accepted as it is', async () => {
    const data = { any: ['thing'] };
    expect(await apply({}, { data })).toEqual({ data, retentionSeconds: 1000 });
  });

  it('is refused by a closed registry', async () => {
    expect(await faultsOf({ known: {} }, { type: 'other' }, true)).toEqual([
      { path: 'type', message: '"other" is not a known type' },
    ]);
    expect(await faultsOf({ known: {} }, { type: 'known' }, true)).toEqual([]);
  });

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'does not become one because every object has a %s',
    async (type) => {
      expect(await apply({}, { type, data: 1 })).toEqual({ data: 1, retentionSeconds: 1000 });
      expect(await faultsOf({}, { type }, true)).toHaveLength(1);
    },
  );
});

describe('the retention', () => {
  const types = defineMessageTypes({ 'order.shipped': { retentionSeconds: 2000 }, brief: {} });

  it.each([
    ['the notification', { retentionSeconds: 3000 }, 3000],
    ['else its type', {}, 2000],
    ['else the stack, for a type without one', { type: 'brief' }, 1000],
    ['else the stack, for an unknown type', { type: 'unknown' }, 1000],
  ])('is set by %s', async (_by, over, retentionSeconds) => {
    expect(await apply(types, over)).toMatchObject({ retentionSeconds });
  });
});

describe('a definition', () => {
  it('is given back as it is', () => {
    const types = { 'order.shipped': { retentionSeconds: 60 }, constructor: {} };
    expect(defineMessageTypes(types)).toBe(types);
  });

  it.each(['', 'no spaces', 'x'.repeat(129), 'herald.withdrawn'])('cannot be called %j', (name) => {
    expect(() => defineMessageTypes({ [name]: {} })).toThrow(
      `message type "${name}": expected 1 to 128 characters`,
    );
  });

  it.each([0, 59, 31_536_001, 60.5, Number.NaN])(
    'cannot keep its messages for %s seconds',
    (retentionSeconds) => {
      expect(() => defineMessageTypes({ 'order.shipped': { retentionSeconds } })).toThrow(
        'message type "order.shipped": retentionSeconds: expected an integer from 60 to 31536000',
      );
    },
  );
});

/** The outbox's table: what its stream tells of a row, and what is done to the row at last. */

import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { AttributeValue } from 'aws-lambda';
import { describe, expect, it } from 'vitest';
import { outboxRowIn } from '../../../../lambdas/adapters/dynamodb/outbox-records.ts';
import { createOutboxRows } from '../../../../lambdas/adapters/dynamodb/outbox-rows.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';

type Image = Record<string, AttributeValue>;
const put = (row: Image, eventName: 'INSERT' | 'MODIFY' = 'INSERT') =>
  outboxRowIn({ eventName, dynamodb: { Keys: { id: { S: 'a' } }, NewImage: { id: { S: 'a' }, ...row } } });

describe('a record of the outbox', () => {
  it.each<[string, AttributeValue, string | undefined]>([
    ['a text, as it stands', { S: ' {"a":1} ' }, ' {"a":1} '],
    [
      'a map, with every digit of its numbers',
      {
        M: {
          'a"': { N: '9007199254740993' },
          __proto__x: { L: [{ NULL: true }, { BOOL: false }, { S: 'ü\n' }, { L: [] }, { M: {} }] },
        },
      },
      '{"a\\"":9007199254740993,"__proto__x":[null,false,"ü\\n",[],{}]}',
    ],
    ['a map with a set in it', { M: { a: { L: [{ SS: ['x'] }] } } }, undefined],
    ['a map with bytes in it', { M: { a: { B: 'AA==' } } }, undefined],
    ['a number', { N: '1' }, undefined],
  ])('has the notification as JSON: %s', (_what, notification, text) => {
    expect(put({ notification })).toEqual({ id: 'a', text, tries: 0 });
  });

  it('has none when the row has none', () => {
    expect(put({})).toEqual({ id: 'a', text: undefined, tries: 0 });
  });

  it('is of a row to publish also when it was mended, not when it is marked as failed or gone', () => {
    const notification = { S: '{}' };
    expect(put({ notification }, 'MODIFY')).toBeDefined();
    expect(put({ notification, failed: { S: 'wrong' } }, 'MODIFY')).toBeUndefined();
    const OldImage = { id: { S: 'a' }, notification };
    expect(outboxRowIn({ eventName: 'REMOVE', dynamodb: { Keys: { id: { S: 'a' } }, OldImage } })).toBe(
      undefined,
    );
  });
});

describe('a row of the outbox in DynamoDB', () => {
  const dynamodb = useDynamoDb();
  const rows = () => createOutboxRows(dynamodb().dynamodb, dynamodb().tables.outbox);
  const write = (Item: Record<string, unknown>) =>
    dynamodb().client.send(new PutCommand({ TableName: dynamodb().tables.outbox, Item }));
  const find = async (id: string) => {
    const get = { TableName: dynamodb().tables.outbox, Key: { id }, ConsistentRead: true };
    return (await dynamodb().client.send(new GetCommand(get))).Item;
  };

  it('is taken away, also when it is not there', async () => {
    await write({ id: 'a', notification: '{}' });
    await rows().remove('a');
    await rows().remove('a');
    expect(await find('a')).toBeUndefined();
  });

  it('says why it failed, and keeps what it holds', async () => {
    const notification = { to: { user: 'alice' }, data: [1, null] };
    await write({ id: 'b', notification, owner: 'orders' });
    await rows().markFailed({ id: 'b', text: JSON.stringify(notification), tries: 0 }, 'wrong');
    expect(await find('b')).toEqual({ id: 'b', notification, owner: 'orders', failed: 'wrong' });
    await rows().markFailed({ id: 'b', text: undefined, tries: 0 }, 'still wrong');
    expect(await find('b')).toMatchObject({ notification, failed: 'still wrong' });
  });

  it('is there with what was tried, if it was taken away meanwhile', async () => {
    await rows().markFailed({ id: 'c', text: '{"to":1}', tries: 0 }, 'wrong');
    expect(await find('c')).toEqual({ id: 'c', notification: '{"to":1}', failed: 'wrong' });
  });

  it('says why it failed also where the reason quotes half of a character', async () => {
    await write({ id: 'd', notification: '{}' });
    await rows().markFailed({ id: 'd', text: '{}', tries: 0 }, '\ud83d: unknown field');
    expect((await find('d'))?.failed).toBe('\ufffd: unknown field');
  });

  it('that is as large as a row may be stays as it is, without room for the reason', async () => {
    const full = { id: 'e', notification: '{', pad: 'x'.repeat(400 * 1024 - 'eidnotification{pad'.length) };
    await write(full);
    expect(await rows().markFailed({ id: 'e', text: '{', tries: 0 }, 'wrong')).toBe(false);
    expect(await find('e')).toEqual(full);
  });

  it('says why it failed also where its notification takes more as JSON than a row may', async () => {
    const notification = { data: '"'.repeat(390 * 1024) };
    await write({ id: 'f', notification });
    const row = { id: 'f', text: JSON.stringify(notification), tries: 0 };
    expect(await rows().markFailed(row, 'wrong')).toBe(true);
    expect(await find('f')).toEqual({ id: 'f', notification, failed: 'wrong' });
  });
});

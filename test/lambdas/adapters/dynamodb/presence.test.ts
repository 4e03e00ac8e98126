/** Which records of the Connections stream are changes, and what DynamoDB keeps of who is online. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { connectionChangeIn } from '../../../../lambdas/adapters/dynamodb/lifecycle-records.ts';
import { createPresenceStore } from '../../../../lambdas/adapters/dynamodb/presence-store.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { START } from './harness.ts';

const row = (readyAt?: number) => ({
  userId: { S: 'alice' },
  connectionId: { S: 'c1' },
  deviceId: { S: 'phone' },
  connectedAt: { N: '7' },
  ...(readyAt !== undefined && { readyAt: { N: String(readyAt) } }),
});
const KEY = { userId: 'alice', connectionId: 'c1', deviceId: 'phone', connectedAt: 7 };

describe('a record of the Connections table', () => {
  const change = (OldImage?: ReturnType<typeof row>, NewImage?: ReturnType<typeof row>) =>
    connectionChangeIn({
      dynamodb: {
        ApproximateCreationDateTime: 2,
        ...(OldImage && { OldImage }),
        ...(NewImage && { NewImage }),
      },
    });

  it('is an opening when the row became ready, or was written as ready', () => {
    expect(change(row(), row(9))).toEqual({ kind: 'opened', ...KEY, at: 9 });
    expect(change(undefined, row(9))).toEqual({ kind: 'opened', ...KEY, at: 9 });
    expect(change(row(9), row(9))).toBeUndefined();
    expect(change(undefined, row())).toBeUndefined();
  });

  it('is a close when the row is gone, unless it never was ready; none comes before its opening', () => {
    expect(change(row(9))).toEqual({ kind: 'closed', ...KEY, at: 2000 });
    expect(change(row(2700))).toMatchObject({ at: 2701 });
    expect(change(row())).toBeUndefined();
  });
});

describe('who is online, in DynamoDB', () => {
  const dynamodb = useDynamoDb();
  const store = (now = START) =>
    createPresenceStore(dynamodb().dynamodb, dynamodb().tables.presence, () => now);

  it('is known from a connection that opens until it is removed as it was found', async () => {
    const user = randomUUID();
    expect(await store().find(user)).toBeUndefined();
    await store().markOnline(user);
    expect(await store().markClosed(user, 20)).toBe(true);
    const found = await store().find(user);
    expect(found).toMatchObject({ userId: user, closedAt: 20 });
    await store().markOnline(user);
    expect(await store().remove(found as NonNullable<typeof found>)).toBe(false);
    const again = await store().find(user);
    expect(await store().remove(again as NonNullable<typeof again>)).toBe(true);
    expect(await store().find(user)).toBeUndefined();
  });

  it('keeps the latest close, and none of a user who is offline', async () => {
    const user = randomUUID();
    expect(await store().markClosed(user, 5)).toBe(false);
    await store().markOnline(user);
    expect(await store().markClosed(user, 20)).toBe(true);
    expect(await store().markClosed(user, 10)).toBe(false);
    expect(await store().markClosed(user, 20)).toBe(true);
    expect(await store().find(user)).toMatchObject({ closedAt: 20 });
  });

  it('is forgotten after a day', async () => {
    const user = randomUUID();
    await store().markOnline(user);
    expect(await store(START + 24 * 3_600_000 + 1000).find(user)).toBeUndefined();
  });
});

/** Where a device stands in a channel. */
import type { App } from './app.ts';
import { wholeSeconds } from './log/append.ts';
import type { Cursor, DeviceKey, Head, LastSeen } from './ports.ts';

const REMEMBERED_MS = 90 * 24 * 3_600_000;

export function lastSeen({ clock }: App): LastSeen {
  const now = clock.now();
  return { lastSeenAt: now, expiresAt: wholeSeconds(now + REMEMBERED_MS) };
}

/**
 * The seq a device acknowledged last. One never seen before starts where the user's most advanced device stands, so that it gets
 * what the user has seen nowhere; one whose cursor is of another numbering starts at the beginning.
 */
export async function cursorOf(app: App, key: DeviceKey, channel: string, head: Head): Promise<number> {
  const device = await app.devices.see(key, lastSeen(app));
  const cursor = device.cursors.get(channel);
  if (cursor?.epoch === head.epoch) return cursor.seq;

  const start = cursor === undefined ? await mostAdvanced(app, key.userId, channel, head) : 0;
  const to = { epoch: head.epoch, seq: start };
  // Only where there is none: the user's other devices may have gone far since another connection of this one began.
  if (await app.devices.advance(key, channel, to, lastSeen(app), 'anew')) return start;
  return (await app.devices.find(key))?.cursors.get(channel)?.seq ?? start;
}

async function mostAdvanced(
  { devices }: App,
  userId: string,
  channel: string,
  { epoch }: Cursor,
): Promise<number> {
  const cursors = (await devices.list(userId)).map((device) => device.cursors.get(channel));
  return Math.max(0, ...cursors.map((cursor) => (cursor?.epoch === epoch ? cursor.seq : 0)));
}

/**
 * All the ways a device's cursor moves. It stands at the last seq of a channel that the device was
 * given, caused, or lost to retention. Within an epoch it never goes back, whoever moves it.
 */
import type { App } from './app.ts';
import { backOff } from './back-off.ts';
import { asError } from './errors.ts';
import { logged } from './log-fields.ts';
import type {
  Channel,
  ConnectionKey,
  DeviceKey,
  Head,
  LastSeen,
  Position,
  Stored,
  Subscription,
} from './model.ts';
import { wholeSeconds } from './time.ts';

const REMEMBERED_MS = 90 * 24 * 3_600_000;

/** If a cursor is further behind than this, publishers at work do not explain the gap: a replay must move it. */
const CONCURRENT_PUBLISHES = 64;
const OVERTAKEN_TRIES = 5;
const OVERTAKEN_BASE_MS = 25;
const OVERTAKEN_CAP_MS = 400;

function lastSeen({ clock }: App): LastSeen {
  const now = clock.now();
  return { lastSeenAt: now, expiresAt: wholeSeconds(now + REMEMBERED_MS) };
}

/**
 * The seq after which a device has missed messages.
 * - An anonymous device has missed nothing.
 * - A device never seen before starts where the user's most advanced device stands, so that it gets
 *   what the user has seen nowhere.
 * - A device whose cursor is of another epoch starts at the beginning.
 */
export async function findStart(
  app: App,
  { connection, channel }: Subscription,
  head: Head,
): Promise<number> {
  const { userId, deviceId } = connection;
  if (deviceId === undefined) return head.seq;
  const key = { userId, deviceId };
  const device = await app.devices.touch(key, lastSeen(app));
  const cursor = device.cursors.get(channel.name);
  if (cursor?.epoch === head.epoch) return cursor.seq;

  const start = cursor === undefined ? await mostAdvanced(app, userId, channel, head) : 0;
  // Only where there is none: since another connection of this device began, the user's other devices may have gone far.
  const move = { to: { epoch: head.epoch, seq: start }, from: 'anew' as const };
  if (await app.devices.advance(key, channel.name, move, lastSeen(app))) return start;
  return (await app.devices.find(key))?.cursors.get(channel.name)?.seq ?? start;
}

async function mostAdvanced(
  { devices }: App,
  userId: string,
  { name }: Channel,
  { epoch }: Position,
): Promise<number> {
  const cursors = (await devices.list(userId)).map((device) => device.cursors.get(name));
  return Math.max(0, ...cursors.map((cursor) => (cursor?.epoch === epoch ? cursor.seq : 0)));
}

/** Moves the cursor to what its client acknowledged. */
export async function acknowledge(
  app: App,
  { userId, connectionId, deviceId }: ConnectionKey & DeviceKey,
  channel: Channel,
  to: Position,
): Promise<void> {
  await app.devices.advance({ userId, deviceId }, channel.name, { to }, lastSeen(app));
  const sender = logged({ userId, connectionId });
  app.logger.info('acked', { ...sender, deviceId, channel: channel.name, through: to.seq });
}

/**
 * Moves the cursor of an `auto` device to the end of an accepted replay, but only if it stands at or
 * after the replay's `from`: otherwise we would skip what lies between.
 */
export async function advanceOverReplay(
  app: App,
  { connection: { userId, deviceId }, channel: { name } }: Subscription,
  to: Position,
  from: number,
): Promise<void> {
  if (deviceId === undefined) return;
  await app.devices.advance({ userId, deviceId }, name, { to, from }, lastSeen(app));
  app.logger.info('acked', { userId, deviceId, channel: name, through: to.seq });
}

/**
 * Moves the cursor of an `auto` device onto the live message it accepted, but only from the seq
 * before: it must not jump over a replay under way. If an earlier message is still being delivered by
 * another publisher, waits for it a little. False: the cursor stayed behind, and a replay must move it.
 */
export async function advanceOntoMessage(
  app: App,
  { userId, deviceId }: DeviceKey,
  { channel: { name }, epoch, message: { seq } }: Stored,
): Promise<boolean> {
  const key = { userId, deviceId };
  const move = { to: { epoch, seq }, from: seq - 1 };
  for (let attempt = 0; attempt < OVERTAKEN_TRIES; attempt++) {
    if (await app.devices.advance(key, name, move, lastSeen(app))) return true;
    const cursor = (await app.devices.find(key))?.cursors.get(name);
    if (cursor?.epoch !== epoch || cursor.seq >= seq) return true;
    // A replay is under way, or will be with the device's next connection.
    if (seq - cursor.seq > CONCURRENT_PUBLISHES) return true;
    await backOff(app, attempt, OVERTAKEN_BASE_MS, OVERTAKEN_CAP_MS);
  }
  return false;
}

/** Moves the origin device's cursor over its own message, if that is the next; if not, its next replay does. Never rejects. */
export async function skipOwnMessage(app: App, { channel, epoch, message }: Stored): Promise<void> {
  const { seq, originDeviceId } = message;
  if (originDeviceId === undefined) return;
  const key = { userId: channel.owner, deviceId: originDeviceId };
  try {
    const move = { to: { epoch, seq }, from: seq - 1 };
    await app.devices.advance(key, channel.name, move, lastSeen(app));
  } catch (error) {
    app.logger.warn('origin not passed', { ...key, seq, error: asError(error) });
  }
}

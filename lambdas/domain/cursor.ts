/**
 * All the ways a device's cursor moves. The cursor stands at the last seq of a channel that the
 * device was given, caused, or lost to retention. Within an epoch the cursor never goes back,
 * whoever moves it.
 */
import type { App } from './app.ts';
import { backOff } from './back-off.ts';
import { asError } from './errors.ts';
import { logged } from './log-fields.ts';
import type {
  Channel,
  Connection,
  ConnectionKey,
  Device,
  DeviceKey,
  Head,
  LastSeen,
  Position,
  Serving,
  Stored,
  Subscription,
} from './model.ts';
import type { CursorMove, CursorStore } from './ports/device-store.ts';
import type { StartRows } from './ports/start-store.ts';
import { wholeSeconds } from './time.ts';

const DAY_MS = 24 * 3_600_000;
/** How long we remember a device that has acknowledged something. */
const REMEMBERED_MS = 90 * DAY_MS;
/**
 * How long we remember a device that never did: anybody with a token can make up any number of
 * devices.
 */
const ON_TRIAL_MS = DAY_MS;
/**
 * A known device is remembered for the whole time again when it connects and less than this is
 * left: so not each connect is a write more.
 */
const RENEWED_BELOW_MS = 60 * DAY_MS;

/**
 * When a device was seen is written when it connects only if it was written longer ago than this,
 * so that most connects are a write less. Whoever looks for the device that was not seen for
 * longest is that much wrong at most.
 */
const SEEN_EVERY_MS = DAY_MS / 2;

/**
 * If a cursor is further behind than this, publishers at work do not explain the gap: a replay must
 * move it.
 */
const CONCURRENT_PUBLISHES = 64;
const OVERTAKEN_TRIES = 5;
const OVERTAKEN_BASE_MS = 25;
const OVERTAKEN_CAP_MS = 400;

/** `on`: the connection that the device is seen on. Undefined: none is known. */
function lastSeen({ clock }: App, on: ConnectionKey | undefined, rememberedMs = REMEMBERED_MS): LastSeen {
  const now = clock.now();
  return { lastSeenAt: now, expiresAt: wholeSeconds(now + rememberedMs), on };
}

/** A device that begins to hear a channel. `startsAt`: it hears nothing before. */
type Starting = Pick<Subscription, 'userId' | 'connectionId' | 'deviceId' | 'channel'> &
  Partial<Pick<Serving, 'startsAt'>>;

/**
 * Where a device's cursor in a channel is kept: of the user's own channel on the device's own row,
 * so that it costs nothing more; of other channels on a row each.
 */
interface CursorRow {
  store: CursorStore;
  /** `deviceId`: under which the store has the device's cursor in this channel. */
  key: DeviceKey;
  /** The channel's name. */
  channel: string;
  /** The connection that the device is seen on. */
  on: ConnectionKey | undefined;
}

type Seen = DeviceKey & Partial<Pick<ConnectionKey, 'connectionId'>>;

const cursorRow = (app: App, channel: Channel, { userId, deviceId, connectionId }: Seen): CursorRow => ({
  ...(channel.kind === 'user'
    ? { store: app.devices, key: { userId, deviceId } }
    : { store: app.cursors, key: cursorKey(channel, { userId, deviceId }) }),
  channel: channel.name,
  on: connectionId === undefined ? undefined : { userId, connectionId },
});

/** No channel's name has a `#`. */
const cursorKey = ({ name }: Channel, { userId, deviceId }: DeviceKey): DeviceKey => ({
  userId,
  deviceId: `${name}#${deviceId}`,
});

/**
 * The seq after which a device has missed messages.
 * - An anonymous device has missed nothing.
 * - A device never seen before starts where the user's most advanced device stands, so that it gets
 *   what the user has seen nowhere. In a channel that is not the user's own, and in which none of
 *   the user's devices has been: where the user joined (`joined`), else at the head.
 * - A device whose cursor is of another epoch starts at the beginning.
 *
 * Undefined: the connection is gone or being closed, and the device is not known yet. Nobody may be
 * told a start then, as none is kept. Example: a client that is told that it begins at the head
 * would acknowledge that on its next connection, and so pass over what it never got.
 */
export async function findStart(
  app: App,
  starting: Starting,
  head: Head,
  joined?: Position,
): Promise<number | undefined> {
  const { userId, connectionId, deviceId, channel } = starting;
  if (deviceId === undefined) return head.seq;
  const row = cursorRow(app, channel, { userId, deviceId, connectionId });
  if (channel.kind !== 'user')
    return await findStartElsewhere(app, row, head, { startsAt: starting.startsAt, joined });
  const { key, on } = row;
  const device = await app.devices.touch(key, lastSeen(app, on, ON_TRIAL_MS));
  if (device === undefined) return undefined;
  const cursor = device.cursors.get(channel.name);
  if (cursor?.epoch === head.epoch) {
    if (isWorthRenewing(app, device)) await renew(app, row, cursor);
    return cursor.seq;
  }
  const start =
    cursor === undefined ? await startOfNew(app, { userId, connectionId }, channel, head.epoch) : 0;
  if (start === undefined) return undefined;
  // Write only where there is no cursor. Example: a second connection of this new device looks
  // where to begin after the user's other devices have gone far; its answer must not move the first
  // one's cursor.
  const move = { to: { epoch: head.epoch, seq: start }, from: 'anew' as const };
  if (await app.devices.advance(key, channel.name, move, lastSeen(app, on, ON_TRIAL_MS))) return start;
  return (await app.devices.find(key))?.cursors.get(channel.name)?.seq;
}

async function findStartElsewhere(
  app: App,
  row: CursorRow,
  head: Head,
  { startsAt, joined }: { startsAt: Position | undefined; joined: Position | undefined },
): Promise<number | undefined> {
  const { store, key, channel } = row;
  const { epoch } = head;
  const earliest = seqIn(head, startsAt) ?? 0;
  const device = await store.find(key);
  const cursor = device?.cursors.get(channel);
  if (device && cursor?.epoch === epoch && cursor.seq >= earliest) {
    if (isWorthRenewing(app, device)) await renew(app, row, cursor);
    return cursor.seq;
  }
  if (cursor?.epoch === epoch) return await begin(app, row, { epoch, seq: earliest });
  const furthest = cursor ?? (await store.findFurthest(key.userId, channel));
  const start = furthest === undefined ? (seqIn(head, joined) ?? head.seq) : (seqIn(head, furthest) ?? 0);
  return await begin(app, row, { epoch, seq: Math.max(earliest, start) });
}

/**
 * A device begins in a channel that is not its user's own, or goes on further ahead. The most
 * advanced device is kept for as long as any: this one's row lapses soon if it acknowledges
 * nothing. Undefined: its connection is being closed.
 */
async function begin(
  app: App,
  { store, key, channel, on }: CursorRow,
  to: Position,
): Promise<number | undefined> {
  const moved = await store.advance(key, channel, { to }, lastSeen(app, on, ON_TRIAL_MS));
  if (!moved) return (await store.find(key))?.cursors.get(channel)?.seq;
  await store.advanceFurthest(key.userId, channel, to, lastSeen(app, on));
  return to.seq;
}

/**
 * Where a device begins that names the seq to begin after: it says that it has everything before.
 * Moves its cursor there, but never back. `epoch`: undefined if the client named none.
 * Undefined: as of {@link findStart}.
 */
export async function startAfter(
  app: App,
  { userId, connectionId, deviceId, channel, startsAt }: Starting,
  head: Head,
  { after, epoch }: { after: number; epoch?: string | undefined },
): Promise<number | undefined> {
  const named = epoch === undefined || epoch === head.epoch ? Math.min(after, head.seq) : 0;
  const start = Math.max(named, seqIn(head, startsAt) ?? 0);
  if (deviceId === undefined) return start;
  const row = cursorRow(app, channel, { userId, deviceId, connectionId });
  const begun = await begin(app, row, { epoch: head.epoch, seq: start });
  return begun === undefined ? undefined : start;
}

/** Undefined: the position is of another epoch, or there is none. */
export const seqIn = ({ epoch }: Head, position: Position | undefined): number | undefined =>
  position?.epoch === epoch ? position.seq : undefined;

/**
 * What a start must know, read at once. `cursors`: by channel, where the device stands, if
 * {@link findStart} would answer the same and has nothing to write.
 */
export async function readStart(
  app: App,
  { userId, deviceId }: Pick<Connection, 'userId' | 'deviceId'>,
  channels: Channel[],
): Promise<Pick<StartRows, 'heads' | 'readState'> & { cursors: ReadonlyMap<string, Position> }> {
  const device = deviceId === undefined ? undefined : { userId, deviceId };
  const others = channels.filter(({ kind }) => kind !== 'user');
  const rows = await app.starts.read({
    userId,
    device,
    cursors: device ? others.map((channel) => cursorKey(channel, device)) : [],
    channels: channels.map(({ name }) => name),
  });
  const seen = rows.device && wasSeenLately(app, rows.device) ? [rows.device] : [];
  const settled = [...seen, ...rows.cursors].filter((one) => !isWorthRenewing(app, one));
  return { ...rows, cursors: new Map(settled.flatMap(({ cursors }) => [...cursors])) };
}

const wasSeenLately = ({ clock }: App, { lastSeenAt }: Device): boolean =>
  clock.now() - lastSeenAt < SEEN_EVERY_MS;

const isWorthRenewing = ({ clock }: App, { expiresAt }: Device): boolean => {
  const leftMs = expiresAt - clock.now();
  // Rows lapse on whole seconds: a device that was seen just now may have up to a second more.
  return leftMs >= ON_TRIAL_MS + 1000 && leftMs < RENEWED_BELOW_MS;
};

/** Remembers a known device for the whole time again. */
async function renew(app: App, { store, key, channel, on }: CursorRow, to: Position): Promise<void> {
  await store.advance(key, channel, { to, from: 'again' }, lastSeen(app, on));
}

/**
 * Where the user's most advanced device stands. Counts the new device, and forgets the longest
 * unseen if there are too many. Undefined: its connection is closed by now.
 */
async function startOfNew(
  app: App,
  on: ConnectionKey,
  channel: Channel,
  epoch: string,
): Promise<number | undefined> {
  const enrolled = await app.devices.enroll(on.userId, lastSeen(app, on));
  if (enrolled === undefined) return undefined;
  const { count, furthest } = enrolled;
  if (count > app.settings.maxDevicesPerUser) await forgetLongestUnseen(app, on.userId);
  const kept = furthest.get(channel.name) ?? (await searchFurthest(app, on, channel, epoch));
  return kept.epoch === epoch ? kept.seq : 0;
}

/** Looks through all devices: once for each user and channel, from then on the answer is kept. */
async function searchFurthest(
  app: App,
  on: ConnectionKey,
  { name }: Channel,
  epoch: string,
): Promise<Position> {
  const { userId } = on;
  const cursors = (await app.devices.list(userId)).map(({ cursors }) => cursors.get(name));
  const seq = Math.max(0, ...cursors.map((cursor) => (cursor?.epoch === epoch ? cursor.seq : 0)));
  await app.devices.advanceFurthest(userId, name, { epoch, seq }, lastSeen(app, on));
  return { epoch, seq };
}

async function forgetLongestUnseen(app: App, userId: string): Promise<void> {
  const devices = (await app.devices.list(userId)).sort((one, other) => other.lastSeenAt - one.lastSeenAt);
  const { maxDevicesPerUser } = app.settings;
  for (const device of devices.slice(maxDevicesPerUser)) await app.devices.forget(device);
  await app.devices.recount(userId, Math.min(devices.length, maxDevicesPerUser));
}

/**
 * Moves a cursor, and where the user's most advanced device stands: each device reads that, only
 * the most advanced one writes. Returns whether the cursor moved.
 */
async function advance(app: App, { store, key, channel, on }: CursorRow, move: CursorMove): Promise<boolean> {
  const { to } = move;
  if (!(await store.advance(key, channel, move, lastSeen(app, on)))) return false;
  const furthest = await store.findFurthest(key.userId, channel);
  if (furthest?.epoch === to.epoch && furthest.seq >= to.seq) return true;
  await store.advanceFurthest(key.userId, channel, to, lastSeen(app, on));
  return true;
}

/**
 * Whether the cursor has come that far already. `epoch`: undefined if the client named none.
 * A device that nobody knows yet begins here like any other: an ack must not be a way around the
 * limit of devices.
 */
export async function isAcknowledged(
  app: App,
  sender: ConnectionKey & DeviceKey,
  channel: Channel,
  { epoch, seq }: { epoch?: string | undefined; seq: number },
): Promise<boolean> {
  const row = cursorRow(app, channel, sender);
  const device = await row.store.find(row.key);
  if (device === undefined && channel.kind === 'user')
    await findStart(app, { ...sender, channel }, await app.log.open(channel, sender));
  const cursor = device?.cursors.get(channel.name);
  return cursor !== undefined && seq <= cursor.seq && (epoch === undefined || epoch === cursor.epoch);
}

/** Where a device stands. Undefined: it has never begun there. */
export async function cursorOf(app: App, key: DeviceKey, channel: Channel): Promise<Position | undefined> {
  const row = cursorRow(app, channel, key);
  return (await row.store.find(row.key))?.cursors.get(row.channel);
}

/** Whether a device has ever begun in a channel that is not its user's own. */
export async function hasBegun(app: App, key: DeviceKey, channel: Channel): Promise<boolean> {
  const row = cursorRow(app, channel, key);
  return (await row.store.find(row.key)) !== undefined;
}

/** Moves the cursor to what its client acknowledged. */
export async function acknowledge(
  app: App,
  { userId, connectionId, deviceId }: ConnectionKey & DeviceKey,
  channel: Channel,
  to: Position,
): Promise<void> {
  if (!(await advance(app, cursorRow(app, channel, { userId, deviceId, connectionId }), { to }))) return;
  const sender = logged({ userId, connectionId });
  app.logger.info('acked', { ...sender, deviceId, channel: channel.name, through: to.seq });
}

/**
 * Moves the cursor of an `auto` device to the end of an accepted replay, but only if it stands at
 * or after the replay's `from`: otherwise we would skip what lies between.
 */
export async function advanceOverReplay(
  app: App,
  { userId, connectionId, deviceId, channel }: Subscription,
  to: Position,
  from: number,
): Promise<void> {
  if (deviceId === undefined) return;
  const row = cursorRow(app, channel, { userId, deviceId, connectionId });
  if (!(await advance(app, row, { to, from }))) return;
  app.logger.info('acked', { userId, deviceId, channel: channel.name, through: to.seq });
}

/**
 * Moves the cursor of an `auto` device onto the live message it accepted, but only from the seq
 * before: the cursor must not jump over a replay under way. Waits a little if another publisher is
 * still delivering an earlier message. False: the cursor stayed behind, and a replay must move it.
 */
export async function advanceOntoMessage(
  app: App,
  key: ConnectionKey & DeviceKey,
  { channel, epoch, message: { seq } }: Stored,
): Promise<boolean> {
  const row = cursorRow(app, channel, key);
  const move = { to: { epoch, seq }, from: seq - 1 };
  for (let attempt = 0; attempt < OVERTAKEN_TRIES; attempt++) {
    if (await advance(app, row, move)) return true;
    const cursor = (await row.store.find(row.key))?.cursors.get(row.channel);
    if (cursor?.epoch !== epoch || cursor.seq >= seq) return true;
    // Publishers at work do not explain the gap: a replay must close it.
    if (seq - cursor.seq > CONCURRENT_PUBLISHES) return false;
    await backOff(app, attempt, OVERTAKEN_BASE_MS, OVERTAKEN_CAP_MS);
  }
  return false;
}

/**
 * Moves the origin device's cursor over its own message, if that message is the next. If not, the
 * device's next replay moves it. Never rejects.
 */
export async function skipOwnMessage(app: App, { channel, epoch, message }: Stored): Promise<void> {
  const { seq, originDeviceId: deviceId, originTab } = message;
  const userId = channel.kind === 'user' ? channel.owner : message.originUserId;
  // A tab's device hears the message like any other.
  if (userId === undefined || deviceId === undefined || originTab !== undefined) return;
  try {
    const move = { to: { epoch, seq }, from: seq - 1 };
    await advance(app, cursorRow(app, channel, { userId, deviceId }), move);
  } catch (error) {
    app.logger.warn('origin not passed', { userId, deviceId, seq, error: asError(error) });
  }
}

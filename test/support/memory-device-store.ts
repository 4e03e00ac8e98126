/** The devices in memory. */
import type { Device, DeviceKey, LastSeen, Position } from '../../lambdas/domain/model.ts';
import type { CursorMove, DeviceStore } from '../../lambdas/domain/ports/device-store.ts';
import type { DeviceRows, MemoryTables, DeviceRow as Row } from './memory-tables.ts';

export function createMemoryDeviceStore(
  now: () => number,
  { isOpen }: Pick<MemoryTables, 'isOpen'>,
  { devices: rows, summaries }: DeviceRows,
): DeviceStore {
  /** Whether a row may be written that is not there. */
  const mayBegin = ({ on }: LastSeen) => on !== undefined && isOpen(on);
  /** Undefined: there is none, and none may begin. */
  const summaryOf = (userId: string, lastSeen: LastSeen) => {
    const summary = summaries.get(userId);
    if (summary || !mayBegin(lastSeen)) return summary;
    const first = { count: 0, furthest: new Map<string, Position>() };
    summaries.set(userId, first);
    return first;
  };
  const live = (key: DeviceKey): Row | undefined => {
    const row = rows.get(idOf(key));
    return row && row.expiresAt > now() ? row : undefined;
  };
  const remember = ({ userId, deviceId }: DeviceKey, { lastSeenAt, expiresAt }: LastSeen): Row => {
    const { cursors = new Map<string, Position>(), begun = new Map<string, Position>() } =
      live({ userId, deviceId }) ?? {};
    const row = { userId, deviceId, lastSeenAt, expiresAt, cursors, begun };
    rows.set(idOf(row), row);
    return row;
  };

  return {
    async touch(key, lastSeen) {
      if (!rows.has(idOf(key)) && !mayBegin(lastSeen)) return undefined;
      return toDevice(remember(key, { ...lastSeen, expiresAt: live(key)?.expiresAt ?? lastSeen.expiresAt }));
    },
    async find(key) {
      const row = live(key);
      return row && toDevice(row);
    },
    async list(userId) {
      return [...rows.values()].filter((row) => row.userId === userId && live(row)).map(toDevice);
    },
    async page(userId, limit, after) {
      const rest = [...rows.values()]
        .filter((row) => row.userId === userId && (after === undefined || row.deviceId > after))
        .sort((one, other) => (one.deviceId < other.deviceId ? -1 : 1));
      const page = rest.slice(0, limit);
      return {
        devices: page.filter(live).map(toDevice),
        next: rest.length > limit ? page.at(-1)?.deviceId : undefined,
      };
    },
    async forget(device) {
      if (live(device)?.lastSeenAt === device.lastSeenAt) rows.delete(idOf(device));
    },
    async advance(key, channel, { to, from }, lastSeen) {
      const row = live(key);
      if (!mayMove(row?.cursors.get(channel), to, from)) return false;
      if (!rows.has(idOf(key)) && !mayBegin(lastSeen)) return false;
      const expiresAt = from === 'anew' ? (row?.expiresAt ?? lastSeen.expiresAt) : lastSeen.expiresAt;
      const { cursors, begun } = remember(key, { ...lastSeen, expiresAt });
      cursors.set(channel, { epoch: to.epoch, seq: to.seq });
      if (from === 'anew') begun.set(channel, { epoch: to.epoch, seq: to.seq });
      return true;
    },
    async enroll(userId, lastSeen) {
      const summary = summaryOf(userId, lastSeen);
      if (summary === undefined) return undefined;
      summary.count += 1;
      return { count: summary.count, furthest: new Map(summary.furthest) };
    },
    async recount(userId, count) {
      const summary = summaries.get(userId);
      if (summary) summary.count = count;
    },
    async findFurthest(userId, channel) {
      return summaries.get(userId)?.furthest.get(channel);
    },
    async advanceFurthest(userId, channel, to, lastSeen) {
      const furthest = summaryOf(userId, lastSeen)?.furthest;
      if (furthest && mayMove(furthest.get(channel), to, undefined)) furthest.set(channel, { ...to });
    },
  };
}

function mayMove(cursor: Position | undefined, to: Position, from: CursorMove['from']): boolean {
  const isOurs = cursor?.epoch === to.epoch;
  if (from === 'anew') return !isOurs;
  if (from === undefined) return !isOurs || cursor.seq < to.seq;
  if (from === 'again') return isOurs && cursor.seq === to.seq;
  return isOurs && cursor.seq >= from && cursor.seq < to.seq;
}

const toDevice = ({ userId, deviceId, cursors, begun, lastSeenAt, expiresAt }: Row): Device => ({
  userId,
  deviceId,
  cursors: structuredClone(cursors),
  begun: structuredClone(begun),
  lastSeenAt,
  expiresAt,
});

const idOf = ({ userId, deviceId }: DeviceKey): string => JSON.stringify([userId, deviceId]);

/** The devices in memory. */
import type { Device, DeviceKey, LastSeen, Position } from '../../lambdas/domain/model.ts';
import type { CursorMove, DeviceStore } from '../../lambdas/domain/ports.ts';

interface Row extends DeviceKey, LastSeen {
  cursors: Map<string, Position>;
  begun: Map<string, Position>;
}

export function createMemoryDeviceStore(now: () => number): DeviceStore {
  const rows = new Map<string, Row>();
  const summaries = new Map<string, { count: number; furthest: Map<string, Position> }>();
  const summaryOf = (userId: string) => {
    const summary = summaries.get(userId) ?? { count: 0, furthest: new Map<string, Position>() };
    summaries.set(userId, summary);
    return summary;
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
      return toDevice(remember(key, { ...lastSeen, expiresAt: live(key)?.expiresAt ?? lastSeen.expiresAt }));
    },
    async find(key) {
      const row = live(key);
      return row && toDevice(row);
    },
    async findAll(keys) {
      return keys.flatMap((key) => live(key) ?? []).map(toDevice);
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
      const expiresAt = from === 'anew' ? (row?.expiresAt ?? lastSeen.expiresAt) : lastSeen.expiresAt;
      const { cursors, begun } = remember(key, { ...lastSeen, expiresAt });
      cursors.set(channel, { epoch: to.epoch, seq: to.seq });
      if (from === 'anew') begun.set(channel, { epoch: to.epoch, seq: to.seq });
      return true;
    },
    async enroll(userId) {
      const summary = summaryOf(userId);
      summary.count += 1;
      return { count: summary.count, furthest: new Map(summary.furthest) };
    },
    async recount(userId, count) {
      summaryOf(userId).count = count;
    },
    async findFurthest(userId, channel) {
      return summaryOf(userId).furthest.get(channel);
    },
    async advanceFurthest(userId, channel, to) {
      const { furthest } = summaryOf(userId);
      if (mayMove(furthest.get(channel), to, undefined)) furthest.set(channel, { ...to });
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

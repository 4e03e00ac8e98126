/** The devices in memory. */
import type { Device, DeviceKey, LastSeen, Position } from '../../lambdas/domain/model.ts';
import type { CursorMove, DeviceStore } from '../../lambdas/domain/ports.ts';

interface Row extends DeviceKey, LastSeen {
  cursors: Map<string, Position>;
}

export function createMemoryDeviceStore(now: () => number): DeviceStore {
  const rows = new Map<string, Row>();
  const live = (key: DeviceKey): Row | undefined => {
    const row = rows.get(idOf(key));
    return row && row.expiresAt > now() ? row : undefined;
  };
  const remember = ({ userId, deviceId }: DeviceKey, { lastSeenAt, expiresAt }: LastSeen): Row => {
    const cursors = live({ userId, deviceId })?.cursors ?? new Map<string, Position>();
    const row = { userId, deviceId, lastSeenAt, expiresAt, cursors };
    rows.set(idOf(row), row);
    return row;
  };

  return {
    async touch(key, lastSeen) {
      return toDevice(remember(key, lastSeen));
    },
    async find(key) {
      const row = live(key);
      return row && toDevice(row);
    },
    async list(userId) {
      return [...rows.values()].filter((row) => row.userId === userId && live(row)).map(toDevice);
    },
    async advance(key, channel, { to, from }, lastSeen) {
      if (!mayMove(live(key)?.cursors.get(channel), to, from)) return false;
      remember(key, lastSeen).cursors.set(channel, { epoch: to.epoch, seq: to.seq });
      return true;
    },
  };
}

function mayMove(cursor: Position | undefined, to: Position, from: CursorMove['from']): boolean {
  const isOurs = cursor?.epoch === to.epoch;
  if (from === 'anew') return !isOurs;
  if (from === undefined) return !isOurs || cursor.seq < to.seq;
  return isOurs && cursor.seq >= from && cursor.seq < to.seq;
}

const toDevice = ({ userId, deviceId, cursors, lastSeenAt }: Row): Device => ({
  userId,
  deviceId,
  cursors: new Map([...cursors].map(([channel, cursor]) => [channel, { ...cursor }])),
  lastSeenAt,
});

const idOf = ({ userId, deviceId }: DeviceKey): string => JSON.stringify([userId, deviceId]);

/** How far devices have come in channels. `../app.ts` says what holds for every store. */
import type { Device, DeviceKey, LastSeen, Position } from '../model.ts';

export interface DeviceStore extends CursorStore {
  /**
   * Writes when the device was seen, and returns the device. An unknown or expired device begins
   * without cursors and is remembered until `expiresAt`. A known device is remembered as long as
   * before. Undefined: it is not known, and its connection is gone.
   */
  touch(key: DeviceKey, lastSeen: LastSeen): Promise<Device | undefined>;
  list(userId: string): Promise<Device[]>;
  /**
   * Devices in the order of their ids, at most `limit`. `after`: the id that the page begins after.
   */
  page(userId: string, limit: number, after: string | undefined): Promise<DevicePage>;
  /** Forgets a device, unless it was seen since this was read. */
  forget(device: Device): Promise<void>;
  /**
   * Counts a new device of the user. `count`: at least as many as there are. Undefined: it is the
   * first, and its connection is gone.
   */
  enroll(userId: string, lastSeen: LastSeen): Promise<Enrolled | undefined>;
  /** Corrects what {@link enroll} counts. */
  recount(userId: string, count: number): Promise<void>;
}

export interface DevicePage {
  devices: Device[];
  /** The `after` of the next page. Undefined: this page is the last. */
  next: string | undefined;
}

export interface Enrolled {
  count: number;
  /** By channel: where the user's most advanced device stands, as far as that was kept. */
  furthest: ReadonlyMap<string, Position>;
}

/** How far devices have come in channels. What is not known yet begins as {@link LastSeen} says. */
export interface CursorStore {
  find(key: DeviceKey): Promise<Device | undefined>;
  /**
   * Moves a cursor forward, atomically, and writes when the device was seen. Within an epoch a
   * cursor never goes back. The device is then remembered until `expiresAt`; only a move `anew`
   * leaves that as it is. Returns whether the cursor moved.
   */
  advance(key: DeviceKey, channel: string, move: CursorMove, lastSeen: LastSeen): Promise<boolean>;
  /**
   * Where the user's most advanced device stands in a channel. Undefined: that was not kept yet.
   */
  findFurthest(userId: string, channel: string): Promise<Position | undefined>;
  advanceFurthest(userId: string, channel: string, to: Position, lastSeen: LastSeen): Promise<void>;
}

export interface CursorMove {
  to: Position;
  /**
   * When the cursor moves:
   * - Undefined: if there is no cursor, or its epoch is another, or it stands before `to`.
   * - A seq: only if the cursor stands in `to`'s epoch, at or after this seq and before `to`.
   * - `anew`: only if there is no cursor, or its epoch is another.
   * - `again`: only if the cursor stands at `to` already; nothing changes but how long the device
   *   is remembered.
   */
  from?: number | 'anew' | 'again';
}

/**
 * What the start of a connection reads, in one call.
 * `../app.ts` says what holds for every store.
 */
import type { Device, DeviceKey, Head } from '../model.ts';
import type { StoredReadState } from './read-state-store.ts';

export interface StartStore {
  /** All of it in one call. Each row is as it stood at some time during the call. */
  read(keys: StartKeys): Promise<StartRows>;
}

/** What the start of a connection asks for. */
export interface StartKeys {
  userId: string;
  /** Undefined: an anonymous device. */
  device: DeviceKey | undefined;
  /** By which `App.cursors` knows the device; each once, like the names of channels. */
  cursors: DeviceKey[];
  channels: string[];
}

/** What there is of it. */
export interface StartRows {
  device: Device | undefined;
  /** In any order. */
  cursors: Device[];
  readState: StoredReadState | undefined;
  /** By the names of the channels. */
  heads: ReadonlyMap<string, Head>;
}

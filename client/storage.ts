/** What outlives the page: how far this device has come in each channel, and its id. */
import type { Environment } from './environment.ts';
import { HeraldError, type KeyValueStorage, type Position } from './types.ts';

/** A storage that tells of its failures and does not fail. Without a working one, the server's cursor is what remembers. */
export function guarded(
  storage: KeyValueStorage | undefined,
  tell: (error: HeraldError) => void,
): KeyValueStorage {
  const attempt = async <Value>(action: () => Value): Promise<Awaited<Value> | undefined> => {
    try {
      return await action();
    } catch (cause) {
      tell(new HeraldError('storage', 'storage failed', cause));
      return undefined;
    }
  };
  return {
    getItem: (key) => attempt(() => storage?.getItem(key)),
    setItem: (key, value) => attempt(() => storage?.setItem(key, value)),
  };
}

/** Undefined also for what we did not write. */
export async function loadPosition(storage: KeyValueStorage, key: string): Promise<Position | undefined> {
  const text = await storage.getItem(key);
  try {
    const { epoch, seq } = JSON.parse(text ?? '{}');
    return typeof epoch === 'string' && Number.isSafeInteger(seq) ? { epoch, seq } : undefined;
  } catch {
    return undefined;
  }
}

/** Never back within a numbering, unless it is `anew`: another tab may have come further. */
export async function savePosition(
  storage: KeyValueStorage,
  key: string,
  position: Position,
  anew: boolean,
): Promise<void> {
  const kept = anew ? undefined : await loadPosition(storage, key);
  if (kept?.epoch === position.epoch && kept.seq >= position.seq) return;
  await storage.setItem(key, JSON.stringify(position));
}

const DEVICE_KEY = 'herald:device';

/** The id this installation was given, or a new one. */
export async function loadDeviceId(storage: KeyValueStorage, env: Environment): Promise<string> {
  const kept = await storage.getItem(DEVICE_KEY);
  if (kept) return kept;
  const made = randomId(env);
  await storage.setItem(DEVICE_KEY, made);
  return made;
}

/** 100 bits: enough to tell a user's devices apart. It is no secret. */
export const randomId = ({ random }: Environment): string =>
  Array.from({ length: 20 }, () => Math.floor(random() * 32).toString(32)).join('');

/** What outlives the page: how far this device has come in each channel, and its id. */
import type { World } from './environment.ts';
import { isCount, parsed } from './frame.ts';
import { within } from './timing.ts';
import { HeraldError, type KeyValueStorage, type Position } from './types.ts';

/**
 * A storage that tells of its failures and does not fail. No answer in time is a failure too.
 * Without a working storage, the server's cursor remembers.
 */
export function guarded(
  storage: KeyValueStorage | undefined,
  world: World,
  tell: (error: HeraldError) => void,
): KeyValueStorage {
  const attempt = async <Value>(name: string, action: () => Value): Promise<Awaited<Value> | undefined> => {
    try {
      return await within(world, world.timing.storageTimeoutMs, action());
    } catch (cause) {
      tell(new HeraldError('storage', `storage.${name}: ${cause}`, cause));
      return undefined;
    }
  };
  return {
    getItem: (key) => attempt('getItem', () => storage?.getItem(key)),
    setItem: (key, value) => attempt('setItem', () => storage?.setItem(key, value)),
  };
}

/** Undefined also for what we did not write. */
export async function loadPosition(storage: KeyValueStorage, key: string): Promise<Position | undefined> {
  const { epoch, seq } = (parsed((await storage.getItem(key)) ?? '') ?? {}) as Partial<Position>;
  return typeof epoch === 'string' && isCount(seq) ? { epoch, seq } : undefined;
}

/**
 * Never back within a numbering, unless the numbering is `anew`: another tab may have come further.
 */
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

/** Of a device, or of a topic. */
export const isName = (name: unknown): name is string =>
  typeof name === 'string' && /^[\w.:-]{1,128}$/.test(name);

/** The stored id of this installation, or a new id. */
export async function loadDeviceId(storage: KeyValueStorage, world: World): Promise<string> {
  const load = async () => {
    const id = await storage.getItem(DEVICE_KEY);
    return isName(id) ? id : undefined;
  };
  const kept = await load();
  if (kept) return kept;
  const made = randomId(world);
  await storage.setItem(DEVICE_KEY, made);
  // Another tab may be making an id at this moment too: all take the id that was written last.
  await new Promise<void>((resolve) => world.after(world.timing.electionMs, resolve));
  return (await load()) ?? made;
}

/** 100 bits: enough to tell a user's devices apart. It is no secret. */
export const randomId = ({ random }: World): string =>
  Array.from({ length: 20 }, () => Math.floor(random() * 32).toString(32)).join('');

/** What a start must know, read from the other memory stores. */
import type { App } from '../../lambdas/domain/app.ts';
import type { DeviceKey } from '../../lambdas/domain/model.ts';
import type { CursorStore } from '../../lambdas/domain/ports/device-store.ts';
import type { LogStore } from '../../lambdas/domain/ports/log-store.ts';
import type { StartStore } from '../../lambdas/domain/ports/start-store.ts';

export const createMemoryStartStore = (
  { devices, cursors, readStates }: Pick<App, 'devices' | 'cursors' | 'readStates'>,
  log: Pick<LogStore, 'heads'>,
): StartStore => ({
  read: async (keys) => ({
    device: keys.device && (await devices.find(keys.device)),
    cursors: await knownOf(cursors, keys.cursors),
    readState: await readStates.find(keys.userId),
    heads: await log.heads(keys.channels),
  }),
});

async function knownOf(store: CursorStore, keys: DeviceKey[]) {
  const found = await Promise.all(keys.map((key) => store.find(key)));
  return found.filter((device) => device !== undefined);
}

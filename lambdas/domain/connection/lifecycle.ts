/**
 * Tells the application who comes and goes, by events on its bus: each at least once, in any order.
 * A user who is back before the check of the last close is due was never away.
 */
import type { App } from '../app.ts';
import type { ConnectionKey } from '../model.ts';
import type { OfflineCheck } from '../ports/later.ts';
import type { PresenceStore } from '../ports/presence-store.ts';

export interface LifecycleApp extends Pick<App, 'bus' | 'later' | 'logger' | 'settings'> {
  presence: PresenceStore;
}

/** What looking up takes whether a user is still away. */
export interface OfflineApp extends Pick<App, 'connections' | 'bus'> {
  presence: PresenceStore;
}

/** A connection that became ready, or whose row is gone since. `at`: when. */
export interface ConnectionChange extends ConnectionKey {
  kind: 'opened' | 'closed';
  deviceId: string | undefined;
  connectedAt: number;
  at: number;
}

export async function tellChange(app: LifecycleApp, change: ConnectionChange): Promise<void> {
  const { kind, userId, deviceId, connectionId, connectedAt, at } = change;
  const detailType = kind === 'opened' ? 'Connection Opened' : 'Connection Closed';
  await app.bus.put(detailType, {
    ...{ userId, connectionId, connectedAt, at },
    deviceId: deviceId ?? null,
  });
  if (kind === 'opened') await comeOnline(app, userId, at);
  else await awaitOffline(app, userId, at);
}

/** The event goes out before it is noted: whoever fails between the two tells it twice. */
async function comeOnline({ presence, bus }: LifecycleApp, userId: string, at: number): Promise<void> {
  if ((await presence.find(userId)) === undefined) await bus.put('User Online', { userId, at });
  await presence.markOnline(userId);
}

async function awaitOffline(app: LifecycleApp, userId: string, at: number): Promise<void> {
  const { presence, later, settings } = app;
  if (await presence.markClosed(userId, at))
    await later.checkOffline({ userId, closedAt: at }, settings.offlineAfterSeconds);
}

/**
 * Tells that a user is offline; not where the reason is gone: the user is back, or closed another
 * connection since. `isRepeated`: an earlier try may have told it and died. Then whoever came back
 * was not told of, for there was a row.
 */
export async function checkOffline(
  app: OfflineApp,
  { userId, closedAt }: OfflineCheck,
  isRepeated: boolean,
): Promise<void> {
  const { presence, bus } = app;
  const online = { userId, at: closedAt + 1 };
  // In this order: whoever opens a connection after the list changes what was found before it.
  const found = await presence.find(userId);
  const isAway = found?.closedAt === closedAt && !(await isConnected(app, userId));
  if (!isAway) {
    if (isRepeated && found) await bus.put('User Online', online);
    return;
  }
  await bus.put('User Offline', { userId, at: closedAt });
  const isNoted = await presence.remove(found);
  // The user came back while the event went out: nobody was told of it, for there was a row.
  const isBack = !isNoted && (await presence.find(userId)) !== undefined;
  if (isBack) await bus.put('User Online', online);
}

async function isConnected({ connections }: OfflineApp, userId: string): Promise<boolean> {
  const open = await connections.list(userId);
  return open.some(({ readyAt, bye }) => readyAt !== undefined && bye === undefined);
}

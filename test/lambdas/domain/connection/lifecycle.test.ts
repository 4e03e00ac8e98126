/** What the application is told of who comes and goes, with records and checks that come late or twice. */
import { describe, expect, it } from 'vitest';
import {
  checkOffline,
  type LifecycleApp,
  type OfflineApp,
  tellChange,
} from '../../../../lambdas/domain/connection/lifecycle.ts';
import type { OfflineCheck } from '../../../../lambdas/domain/ports/later.ts';
import type { Presence } from '../../../../lambdas/domain/ports/presence-store.ts';
import { aConnection, anApp } from '../../../support/builders.ts';

function aWorld() {
  const rows = new Map<string, Presence>();
  const checks: { check: OfflineCheck; delaySeconds: number }[] = [];
  const base = anApp();
  let version = 0;
  /** Called once, after the event `User Offline` went out. */
  const hooks = { onOffline: async () => {} };
  const app: LifecycleApp & OfflineApp = {
    ...base,
    bus: {
      async put(detailType, detail) {
        await base.bus.put(detailType, detail);
        if (detailType === 'User Offline') await hooks.onOffline();
      },
    },
    presence: {
      find: async (userId) => rows.get(userId),
      async markOnline(userId) {
        rows.set(userId, { userId, closedAt: rows.get(userId)?.closedAt, version: String(++version) });
      },
      async markClosed(userId, closedAt) {
        const row = rows.get(userId);
        if (row === undefined || (row.closedAt ?? 0) > closedAt) return false;
        rows.set(userId, { ...row, closedAt });
        return true;
      },
      async remove({ userId, version: found, closedAt }) {
        const row = rows.get(userId);
        if (row?.version !== found || row.closedAt !== closedAt) return false;
        return rows.delete(userId);
      },
    },
    later: {
      ...base.later,
      checkOffline: async (check, delaySeconds) => void checks.push({ check, delaySeconds }),
    },
  };
  const change = (kind: 'opened' | 'closed', connectionId: string, at: number) =>
    tellChange(app, { kind, userId: 'alice', connectionId, deviceId: 'phone', connectedAt: 1, at });
  return {
    ...{ app, checks, hooks, rows },
    async open(connectionId: string, at: number) {
      await base.connections.add(aConnection({ connectionId }), 'r');
      await change('opened', connectionId, at);
    },
    async close(connectionId: string, at: number) {
      await base.connections.remove({ userId: 'alice', connectionId });
      await change('closed', connectionId, at);
    },
    change,
    due: (closedAt: number, isRepeated = false) =>
      checkOffline(app, { userId: 'alice', closedAt }, isRepeated),
    /** The last word on the user, by `at`. */
    last: () =>
      base.events
        .filter(({ detailType }) => detailType.startsWith('User'))
        .toSorted((one, other) => Number(one.detail.at) - Number(other.detail.at))
        .at(-1)?.detailType,
    told: () => base.events.map(({ detailType, detail }) => `${detailType} ${detail.at}`),
  };
}

describe('who comes and goes', () => {
  it('is told by connection, and by user when the first comes and after the last is gone', async () => {
    const world = aWorld();
    await world.open('c1', 10);
    await world.open('c2', 11);
    await world.close('c1', 20);
    await world.close('c2', 30);
    expect(world.checks.map(({ check, delaySeconds }) => [check.closedAt, delaySeconds])).toEqual([
      [20, 30],
      [30, 30],
    ]);
    await world.due(20);
    await world.due(30);
    expect(world.told()).toEqual([
      ...['Connection Opened 10', 'User Online 10', 'Connection Opened 11'],
      ...['Connection Closed 20', 'Connection Closed 30', 'User Offline 30'],
    ]);
  });

  it('does not say of a user who is back in time that they were away', async () => {
    const world = aWorld();
    await world.open('c1', 10);
    await world.close('c1', 20);
    await world.open('c2', 25);
    await world.due(20);
    await world.close('c2', 40);
    await world.due(20);
    expect(world.told().filter((event) => event.startsWith('User'))).toEqual(['User Online 10']);
    await world.due(40);
    expect(world.told().at(-1)).toBe('User Offline 40');
  });

  it('says it once, however often a check comes', async () => {
    const world = aWorld();
    await world.open('c1', 10);
    await world.close('c1', 20);
    for (let time = 0; time < 3; time++) await world.due(20);
    expect(world.told().filter((event) => event.startsWith('User Offline'))).toHaveLength(1);
  });

  it('takes back what it says of a user who comes back while it says it', async () => {
    const world = aWorld();
    await world.open('c1', 10);
    await world.close('c1', 20);
    world.hooks.onOffline = () => world.open('c2', 50);
    await world.due(20);
    expect(world.last()).toBe('User Online');
    await world.close('c2', 60);
    world.hooks.onOffline = async () => {};
    await world.due(60);
    expect(world.last()).toBe('User Offline');
  });

  it('takes back what a check may have said that died, of a user who has come back since', async () => {
    const world = aWorld();
    await world.open('c1', 10);
    await world.close('c1', 20);
    world.hooks.onOffline = () => Promise.reject(new Error('no answer'));
    await expect(world.due(20)).rejects.toThrow('no answer');
    await world.open('c2', 40);
    await world.due(20, true);
    expect(world.last()).toBe('User Online');
    // A check that comes a second time and finds nobody known says nothing.
    await world.close('c2', 60);
    world.hooks.onOffline = async () => {};
    await world.due(60);
    await world.due(60, true);
    expect(world.last()).toBe('User Offline');
  });

  it('is right in the end when the stream stands still over a reconnect and a check', async () => {
    const world = aWorld();
    await world.open('c1', 10);
    await world.close('c1', 20);
    await world.due(20);
    await world.change('opened', 'c2', 22);
    await world.change('closed', 'c2', 24);
    await world.due(24);
    expect(world.last()).toBe('User Offline');
  });

  it('knows the later of two closes, in whichever order they come', async () => {
    const world = aWorld();
    await world.open('c1', 10);
    await world.open('c2', 11);
    await world.close('c1', 30);
    await world.close('c2', 20);
    expect(world.checks.map(({ check }) => check.closedAt)).toEqual([30]);
    await world.due(30);
    expect(world.told().at(-1)).toBe('User Offline 30');
  });
});

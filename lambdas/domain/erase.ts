/**
 * Erases a user: closes the connections and removes what is kept, some rows at a time. What comes
 * late brings no row back, since a row that only a client brings about needs its open connection,
 * and what is read needs the channel in its epoch.
 */
import { mapConcurrently } from '../concurrency.ts';
import { isStomp } from '../protocol/stomp.ts';
import type { App } from './app.ts';
import { type Head, userChannel } from './model.ts';
import { revoke } from './operate.ts';
import type { KeptRows, UserRows } from './ports/user-rows.ts';

export interface EraseApp extends App {
  userRows: UserRows;
}

export interface Erased {
  /** Rows that this call removed. */
  erased: number;
  /** Something is left, or may come to light: call again. */
  more: boolean;
}

/** Rows that one call removes, at most. */
const MAX_ROWS = 5000;
const PAGE_ROWS = 500;

const CONCURRENT_CALLS = 10;

/**
 * A write that was decided while its connection was still open shows within this time. Example: the
 * first row of a device, whose transaction is looked for too early.
 */
const SHOWS_WITHIN_MS = 3500;

/** The head goes last: it ends the epoch, and nothing of the epoch may be left then. */
const KINDS: KeptRows[] = ['devices', 'cursors', 'members', 'publishes', 'messages'];

/**
 * Looks until it finds nothing, waits for what may not have shown, and looks once more. Begins
 * nothing after `deadlineAt`.
 */
export async function erase(app: EraseApp, userId: string, deadlineAt: number): Promise<Erased> {
  const isLate = (ms = 0) => app.clock.now() + ms >= deadlineAt;
  let erased = 0;
  let hasWaited = false;
  for (;;) {
    const found = await eraseOnce(app, userId, { limit: MAX_ROWS - erased, isLate });
    erased += found.rows;
    if (found.isOpen || erased >= MAX_ROWS || isLate(SHOWS_WITHIN_MS)) break;
    if (found.rows === 0 && hasWaited) {
      app.logger.info('erased', { userId, erased, more: false });
      return { erased, more: false };
    }
    hasWaited = found.rows === 0;
    if (hasWaited) await app.clock.sleep(SHOWS_WITHIN_MS);
  }
  app.logger.info('erased', { userId, erased, more: true });
  return { erased, more: true };
}

interface Budget {
  /** Rows, at most. */
  limit: number;
  isLate: () => boolean;
}

/** `isOpen`: a connection is not closed yet. */
async function eraseOnce(
  app: EraseApp,
  userId: string,
  budget: Budget,
): Promise<{ rows: number; isOpen: boolean }> {
  const closing = await closeAll(app, userId);
  const channel = userChannel(userId);
  // Before all else: what is appended meanwhile moves the head, and the head stays.
  const head = await app.log.head(channel);
  let rows = closing.closed;
  for (const kind of KINDS)
    rows += await removeAll(app, userId, kind, { ...budget, limit: budget.limit - rows });
  if (rows < budget.limit && !budget.isLate()) rows += await endEpoch(app, userId, head);
  return { rows, isOpen: closing.isOpen };
}

async function closeAll(app: EraseApp, userId: string): Promise<{ closed: number; isOpen: boolean }> {
  const before = await app.connections.list(userId);
  if (before.length > 0) await revoke(app, userId, undefined);
  const left = before.length === 0 ? [] : await app.connections.list(userId);
  const isLeft = new Set(left.map(({ connectionId }) => connectionId));
  const gone = before.filter(({ connectionId }) => !isLeft.has(connectionId));
  const sockets = gone.filter(({ dialect }) => isStomp(dialect));
  await mapConcurrently(sockets, CONCURRENT_CALLS, ({ connectionId }) =>
    app.userRows.removeSocket(connectionId),
  );
  const lapsed = await app.userRows.removeLapsed(userId);
  return { closed: gone.length + lapsed, isOpen: left.length > 0 };
}

async function removeAll(
  { userRows }: EraseApp,
  userId: string,
  kind: KeptRows,
  { limit, isLate }: Budget,
): Promise<number> {
  let removed = 0;
  while (removed < limit && !isLate()) {
    const page = Math.min(PAGE_ROWS, limit - removed);
    const rows = await userRows.remove(userId, kind, page);
    removed += rows;
    if (rows === 0) break;
  }
  return removed;
}

/** Only where nothing was appended since the head was read. */
const endEpoch = async ({ userRows }: EraseApp, userId: string, head: Head | undefined): Promise<number> =>
  head !== undefined && (await userRows.removeHead(userId, head)) ? 1 : 0;

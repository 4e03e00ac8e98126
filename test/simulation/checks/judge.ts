/** Hears of everything that happens and holds it against the guarantees. The first violation ends the run. */

import { LAMBDAS, type LambdaSpec, type TableAction } from '../../../lambdas/manifest.ts';
import type { Watcher } from '../dynamodb/client.ts';
import type { Change, TableName, Write } from '../dynamodb/database.ts';
import type { Row } from '../dynamodb/expressions.ts';
import type { DeviceSpec } from '../world/device.ts';
import type { Invocation, Outcome } from '../world/invocation.ts';
import type { Socket } from '../world/sockets.ts';
import type { World } from '../world/world.ts';
import { Connections } from './connections.ts';
import { Cursors } from './cursors.ts';
import { Frames } from './frames.ts';
import { Ledger } from './ledger.ts';
import { Places } from './places.ts';

export type Violated = (guarantee: string, detail: string) => void;

export interface Violation {
  guarantee: string;
  detail: string;
  at: number;
}

export class Judge implements Watcher {
  violation: Violation | undefined;
  readonly ledger: Ledger;
  readonly cursors: Cursors;
  readonly frames: Frames;
  readonly connections: Connections;
  readonly places: Places;
  writes = 0;
  /** Replays that publishers asked for. */
  requests = 0;
  readonly #world: World;
  /** Rows an invocation found when it looked for a user's connections, and the connections it then tried. */
  readonly #listed = new Map<number, Row[]>();
  readonly #tried = new Map<number, Set<string>>();
  /** The origin device of what an invocation publishes. */
  readonly #origins = new Map<number, string>();
  /** Invocations that met a fault of the stores, and leave the rest to another. */
  readonly #faulted = new Set<number>();
  #writer: Invocation | undefined;

  constructor(world: World) {
    this.#world = world;
    const now = () => world.scheduler.now;
    this.ledger = new Ledger(this.violated, (publish) => world.publishers.retentionOf(publish), now);
    this.cursors = new Cursors(this.ledger, this.violated, now);
    this.frames = new Frames(this.ledger, this.cursors, this.violated, now);
    const find = (table: TableName, key: Row) => world.database.get(table, key, true);
    const rowOf = ({ userId, id }: Socket) => find('connections', { userId, connectionId: id });
    this.connections = new Connections(world.sockets.all, rowOf, this.violated, now);
    this.places = new Places(this.ledger, find, now);
  }

  violated = (guarantee: string, detail: string): void => {
    this.#world.trace(`VIOLATED: ${guarantee}: ${detail}`);
    this.violation ??= { guarantee, detail, at: this.#world.scheduler.now };
  };

  changed(change: Change): void {
    if (change.table === 'messages') this.ledger.changed(change);
    if (change.table === 'devices') this.cursors.changed(change, this.#writer);
    if (change.table === 'connections') this.#connectionChanged(change);
  }

  invoked({ id, lambda }: Invocation, event: unknown): void {
    if (lambda !== 'notify') return;
    const { body, detail } = event as { body?: string; detail?: object };
    const asked = body === undefined ? (detail ?? event) : JSON.parse(body);
    this.#origins.set(id, (asked as { excludeDeviceId?: string }).excludeDeviceId ?? '');
  }

  #connectionChanged(change: Change): void {
    const { before, after } = change;
    this.frames.rowChanged(change);
    this.connections.changed(change, this.#writer);
    if (after?.bye === 'too_many_connections' && before?.bye === undefined) this.#checkTooMany(after);
    this.places.connectionChanged(change, (row) => this.connections.hasOlder(row));
    const isAsked = after?.replayRequestId !== undefined && after.replayRequestId !== before?.replayRequestId;
    if (isAsked && this.#writer?.lambda === 'notify') this.requests += 1;
  }

  /** The limit lets every device in; only anonymous ones may come again before their old connections are gone. */
  #checkTooMany({ userId, connectionId }: Row): void {
    const { devices } = this.#world.plan;
    if (devices.some((device) => device.userId === userId && device.deviceId === undefined)) return;
    this.violated('only who has too many connections is told so', `${userId}: ${connectionId}`);
  }

  /** The construct grants each Lambda what the manifest says, and nothing else. */
  asked({ id, lambda }: Invocation, table: TableName, action: TableAction): void {
    const { tables = {} }: LambdaSpec = LAMBDAS[lambda];
    if (!tables[table]?.includes(action))
      this.violated('a Lambda does only what it may', `${lambda} #${id}: ${action} on ${table}`);
  }

  wrote(invocation: Invocation, _table: TableName): void {
    this.#writer = invocation;
    this.writes += 1;
  }

  refused({ id, lambda }: Invocation, writes: Write[]): void {
    if (lambda === 'notify') this.places.refused(writes, this.#origins.get(id));
  }

  proved(_invocation: Invocation, rows: number): void {
    this.places.proved(rows);
  }

  read({ id, lambda }: Invocation, table: TableName, rows: Row[], start: Row | undefined): void {
    if (lambda !== 'notify' || table !== 'connections') return;
    // The same page may be asked for twice: what it said the last time counts.
    const isBefore = ({ connectionId }: Row) =>
      start !== undefined && !(String(connectionId) > String(start.connectionId));
    this.#listed.set(id, [...(this.#listed.get(id) ?? []).filter(isBefore), ...rows]);
  }

  calledGateway(invocation: Invocation, action: 'post' | 'close', connectionId: string, frame: string): void {
    const tried = this.#tried.get(invocation.id) ?? new Set();
    this.#tried.set(invocation.id, tried.add(connectionId));
    if (action === 'post') this.frames.posting(invocation, this.#world.sockets.all.get(connectionId), frame);
  }

  accepted(_invocation: Invocation, socket: Socket, frame: string): void {
    this.frames.accepted(socket, frame);
  }

  /** It has logged that it could not do what it was asked. */
  faulted({ id }: Invocation): void {
    this.#faulted.add(id);
  }

  finished(invocation: Invocation, outcome: Outcome): void {
    const { id, lambda, outstanding } = invocation;
    if (outcome.kind === 'returned' && outstanding > 0) {
      this.violated(
        'nothing is left un-awaited',
        `${lambda} #${id} returned with ${outstanding} calls under way`,
      );
    }
    if (lambda === 'notify' && outcome.kind === 'returned' && foundConnections(outcome.value))
      this.#checkTried(invocation);
    this.connections.finished(invocation, outcome.kind === 'returned' && !this.#faulted.has(id));
    this.#faulted.delete(id);
    this.#listed.delete(id);
    this.#tried.delete(id);
    this.#origins.delete(id);
  }

  opened(_socket: Socket): void {}

  closed(_socket: Socket): void {}

  toldReplaced({ id, userId, deviceId, connectedAt }: Socket): void {
    const newer = [...this.#world.sockets.all.values()].some(
      (other) =>
        other.userId === userId &&
        other.deviceId === deviceId &&
        other.id !== id &&
        other.connectedAt >= connectedAt,
    );
    if (!newer)
      this.violated('only a newer connection replaces one', `${userId}/${deviceId}: ${id} is the newest`);
  }

  /** A client hands a message to its application. */
  clientTook({ userId, deviceId, ackMode }: DeviceSpec, epoch: string, seq: number, id: string): void {
    const channel = `user:${userId}`;
    if (this.ledger.channel(channel).epoch !== epoch) return;
    const entry = this.ledger.entry(channel, seq);
    if (entry?.id !== id)
      this.violated('what is told is what is stored', `${userId}/${deviceId}: seq ${seq} as ${id}`);
    if (ackMode === 'client') this.cursors.give(userId, deviceId, epoch, seq);
  }

  /** A client is told that a seq is settled which it was not sent on this connection. */
  clientPassed({ userId, deviceId }: DeviceSpec, epoch: string, seq: number): void {
    const channel = `user:${userId}`;
    if (this.ledger.channel(channel).epoch !== epoch) return;
    if (this.ledger.isSettledFor(channel, seq, deviceId)) return;
    if (this.cursors.wasGiven(userId, deviceId, epoch, seq)) return;
    this.violated('no message is skipped', `${userId}/${deviceId}: seq ${seq} was settled and never sent`);
  }

  /** One bad connection never harms the others: each that could take a frame is tried. */
  #checkTried({ id, now }: Invocation): void {
    for (const row of this.#listed.get(id) ?? []) {
      const ready =
        row.readyAt !== undefined &&
        row.pausedAt === undefined &&
        row.bye === undefined &&
        Number(row.tokenExpiresAt) > now;
      const isOrigin = row.deviceId !== undefined && row.deviceId === this.#origins.get(id);
      if (!ready || isOrigin || this.#tried.get(id)?.has(String(row.connectionId))) continue;
      if (Number(row.expiresAt) * 1000 <= now) continue;
      this.violated(
        'one bad connection never harms the others',
        `notify #${id} did not try ${row.connectionId}`,
      );
    }
  }
}

/** Not when the publish failed or the connections could not be looked up. */
function foundConnections(answer: unknown): boolean {
  const text = JSON.stringify(answer ?? '');
  return (
    !text.includes('retryable') && !text.includes('"connections":0') && !text.includes('\\"connections\\":0')
  );
}

/** How everything stands at one moment: whether all devices have all messages, their cursors follow, and no row is left over. */
import { cursorAttribute } from '../../../lambdas/adapters/dynamodb/tables.ts';
import type { Row } from '../dynamodb/expressions.ts';
import type { DeviceSpec, Position } from '../world/device.ts';
import type { Socket } from '../world/sockets.ts';
import type { World } from '../world/world.ts';

/** What is closed at this moment may still be forgotten. */
const CLOSING_MS = 10_000;

export class Standing {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** A device that caused the newest messages may not have been told that it passed them. */
  checkCaughtUp(when: string): void {
    const { judge, devices } = this.#world;
    for (const { spec, wanted, position, socket } of devices) {
      if (!wanted) continue;
      const { userId, deviceId } = spec;
      const { head, epoch } = judge.ledger.channel(`user:${userId}`);
      const missing = this.#missing(spec, position?.seq ?? 0);
      if (position && position.epoch === (epoch ?? position.epoch) && missing === undefined) continue;
      const stands = position ? `stands at ${position.seq} of ${head}, lacks ${missing}` : 'is not connected';
      judge.violated(`every device catches up ${when}`, `${userId}/${deviceId} (${socket?.id}) ${stands}`);
    }
  }

  /** What a device of mode `auto` was given counts as acknowledged, soon after. */
  checkCursors(): void {
    const { judge, devices, database } = this.#world;
    for (const { spec, wanted, position } of devices) {
      const { userId, deviceId, ackMode } = spec;
      if (!wanted || !position || deviceId === undefined || ackMode !== 'auto') continue;
      const row = database.get('devices', { userId, deviceId }, true);
      const cursor = row?.[cursorAttribute(`user:${userId}`)] as Position | undefined;
      const missing = this.#missing(spec, cursor?.epoch === position.epoch ? cursor.seq : 0);
      if (missing === undefined) continue;
      judge.violated(
        'the cursor of an `auto` device follows what it was given',
        `${userId}/${deviceId}: stands at ${cursor?.seq}, was given ${missing}`,
      );
    }
  }

  /** The first seq after a position that the device needs. */
  #missing({ userId, deviceId }: DeviceSpec, after: number): number | undefined {
    const { ledger } = this.#world.judge;
    const channel = `user:${userId}`;
    for (let seq = after + 1; seq <= ledger.channel(channel).head; seq++) {
      if (!ledger.isSettledFor(channel, seq, deviceId)) return seq;
    }
    return undefined;
  }

  /** The stream has driven every connection that stayed: nobody had to reconnect for it. */
  checkReady(): void {
    const { judge, sockets, database } = this.#world;
    const rows = new Map(database.rows('connections').map((row) => [String(row.connectionId), row]));
    for (const socket of sockets.all.values()) {
      if (socket.state !== 'open') continue;
      const row = rows.get(socket.id);
      if (row?.readyAt !== undefined && row.bye === undefined) continue;
      const state = row ? JSON.stringify({ readyAt: row.readyAt, bye: row.bye }) : 'no row';
      judge.violated(
        'an open socket is ready or closed in the end',
        `${socket.id} (${socket.userId}/${socket.deviceId}): ${state}`,
      );
    }
  }

  checkRows(): void {
    const { judge, sockets, database, scheduler } = this.#world;
    const hasLapsed = ({ expiresAt }: Row) => Number(expiresAt) * 1000 <= scheduler.now;
    const rows = database.rows('connections').filter((row) => !hasLapsed(row));
    const ids = new Set(rows.map(({ connectionId }) => String(connectionId)));
    for (const socket of sockets.all.values()) {
      if (socket.state === 'open' && !ids.has(socket.id)) {
        judge.violated(
          'an open socket has one row',
          `${socket.id} (${socket.userId}/${socket.deviceId}) has none`,
        );
      }
    }
    for (const row of rows) {
      const socket = sockets.all.get(String(row.connectionId));
      if (socket?.state === 'open' || this.#closedJustNow(socket)) continue;
      judge.violated(
        'rows of closed sockets go',
        `${row.connectionId} (${row.userId}/${row.deviceId}) is still there`,
      );
    }
  }

  /** Its row goes with whatever closed it, or with its `$disconnect`. */
  #closedJustNow(socket: Socket | undefined): boolean {
    const { now } = this.#world.scheduler;
    return socket?.closedAt !== undefined && now - socket.closedAt < CLOSING_MS;
  }

  checkAnswers(): void {
    const { judge, publishers } = this.#world;
    for (const { channel, seq, publish } of publishers.answers) {
      if (judge.ledger.entry(channel, seq)?.publish === publish.number) continue;
      judge.violated('what was answered is stored', `${channel}: publish ${publish.number}, seq ${seq}`);
    }
  }
}

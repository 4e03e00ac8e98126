/** The rows of connections: none goes while its socket is open and young, none is displaced before another can take its place. */
import type { Change } from '../dynamodb/database.ts';
import type { Row } from '../dynamodb/expressions.ts';
import type { Invocation } from '../world/invocation.ts';
import type { Socket } from '../world/sockets.ts';
import type { Violated } from './judge.ts';
import { CLOCK_TOLERANCE_MS } from './ledger.ts';

/** As long as a 410 may mean that a connection is not there yet. */
const YOUNG_MS = 60_000;

export class Connections {
  /** Those that were ready at some time. */
  readonly #ready = new Set<string>();
  /** By invocation: a hand-over that it found ready, and the older connections of that time. */
  readonly #handedOver = new Map<number, Socket[]>();
  readonly #sockets: ReadonlyMap<string, Socket>;
  readonly #rowOf: (socket: Socket) => Row | undefined;
  readonly #violated: Violated;
  readonly #now: () => number;

  constructor(
    sockets: ReadonlyMap<string, Socket>,
    rowOf: (socket: Socket) => Row | undefined,
    violated: Violated,
    now: () => number,
  ) {
    this.#sockets = sockets;
    this.#rowOf = rowOf;
    this.#violated = violated;
    this.#now = now;
  }

  changed({ before, after, cause }: Change, writer: Invocation | undefined): void {
    const socket = this.#sockets.get(String((after ?? before)?.connectionId));
    if (!socket) return;
    if (writer && socket.handover && after?.readyAt !== undefined && before?.readyAt === undefined)
      this.#handedOver.set(
        writer.id,
        this.#others(socket).filter((other) => this.#isOlder(other, socket)),
      );
    if (after?.readyAt !== undefined) this.#ready.add(socket.id);
    if (after?.bye === 'replaced' && before?.bye === undefined) this.#replaced(socket);
    if (before && !after && cause === 'write') this.#removed(socket, before);
  }

  /** Those that a hand-over displaces are marked by now, if nothing has failed. */
  finished({ id }: Invocation, hasSucceeded: boolean): void {
    for (const socket of hasSucceeded ? (this.#handedOver.get(id) ?? []) : []) {
      const row = this.#rowOf(socket);
      // A row that has lapsed counts for nothing, whenever it is deleted.
      if (row && row.bye === undefined && Number(row.expiresAt) * 1000 > this.#now() + CLOCK_TOLERANCE_MS)
        this.#violated('a ready hand-over displaces the older connection', nameOf(socket));
    }
    this.#handedOver.delete(id);
  }

  /** Other connections of the device that were open before this one. */
  hasOlder(row: Row): boolean {
    const socket = this.#sockets.get(String(row.connectionId));
    return socket !== undefined && this.#others(socket).some(({ state }) => state === 'open');
  }

  #isOlder = (other: Socket, than: Socket): boolean =>
    other.connectedAt < than.connectedAt && this.#rowOf(other) !== undefined;

  #replaced(socket: Socket): void {
    const mayReplace = (other: Socket) =>
      other.connectedAt >= socket.connectedAt && (!other.handover || this.#ready.has(other.id));
    if (this.#others(socket).some(mayReplace)) return;
    this.#violated('a hand-over displaces nothing before it is ready', nameOf(socket));
  }

  #removed(socket: Socket, { bye }: Row): void {
    const age = this.#now() - socket.connectedAt;
    if (socket.state !== 'open' || bye !== undefined || age >= YOUNG_MS - CLOCK_TOLERANCE_MS) return;
    if (socket.tokenExpiresAt <= this.#now() + CLOCK_TOLERANCE_MS) return;
    this.#violated('an open, young connection keeps its row', `${nameOf(socket)}: removed at ${age} ms`);
  }

  #others({ id, userId, deviceId }: Socket): Socket[] {
    return [...this.#sockets.values()].filter(
      (other) =>
        deviceId !== undefined && other.userId === userId && other.deviceId === deviceId && other.id !== id,
    );
  }
}

const nameOf = ({ id, userId, deviceId }: Socket): string => `${id} (${userId}/${deviceId})`;

/** How everything stands at one moment: whether all devices have all messages, their cursors follow, and no row is left over. */
import { cursorAttribute } from '../../../lambdas/adapters/dynamodb/tables.ts';
import type { Row } from '../dynamodb/expressions.ts';
import { TOPICS } from '../plan.ts';
import type { Device, DeviceSpec, Position } from '../world/device.ts';
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
    for (const device of devices) {
      for (const channel of device.wanted ? this.#expected(device) : []) {
        const { head, epoch } = judge.ledger.channel(channel);
        const position = device.position(channel);
        const holds = (seq: number) => device.holds(channel, seq);
        const missing = this.#missing(device.spec, channel, position?.seq ?? 0, holds);
        if (position && position.epoch === (epoch ?? position.epoch) && missing === undefined) continue;
        const stands = position
          ? `stands at ${position.seq} of ${head}, lacks ${missing}`
          : 'does not hear it';
        const { userId, deviceId } = device.spec;
        const name = `${userId}/${deviceId} (${device.socket?.id})`;
        judge.violated(`every device catches up ${when}`, `${name} in ${channel}: ${stands}`);
      }
    }
  }

  /** The channels that a device is to hear: its own, everyone's, those its user joined, those it asked for and may hear. */
  #expected(device: Device): string[] {
    const { judge, settings } = this.#world;
    const { userId, permissions } = device.spec;
    const own = `user:${userId}`;
    const topics = TOPICS.filter((topic) => {
      // One that nobody was told of may be a failed join that took effect at last, after a removal.
      if (judge.members.standing(topic, userId)?.answeredAt !== undefined) return !device.declines(topic);
      const isPermitted = judge.audience.isPermitted({ permissions }, `topic:${topic}`);
      return isPermitted && device.wantedTopics.has(topic);
    });
    return [own, ...(settings.everyone ? ['everyone'] : []), ...topics.map((topic) => `topic:${topic}`)];
  }

  /** What a device of mode `auto` was given counts as acknowledged, soon after. */
  checkCursors(): void {
    const isMeant = ({ ackMode }: DeviceSpec) => ackMode === 'auto';
    this.#checkCursors(isMeant, 'the cursor of an `auto` device follows what it was given');
  }

  /** Since the last message the library has sent a ping, with which acks leave at the latest. */
  checkAcks(): void {
    const isMeant = ({ program }: DeviceSpec) => program === 'library';
    this.#checkCursors(isMeant, 'what the library has finished is acknowledged with its next ping');
  }

  #checkCursors(isMeant: (spec: DeviceSpec) => boolean, guarantee: string): void {
    const { judge, devices, database } = this.#world;
    for (const device of devices) {
      const { userId, deviceId } = device.spec;
      if (!device.wanted || deviceId === undefined || !isMeant(device.spec)) continue;
      for (const channel of this.#expected(device)) {
        const position = device.position(channel);
        if (!position) continue;
        const row = channel.startsWith('user:')
          ? database.get('devices', { userId, deviceId }, true)
          : database.get('cursors', { userId, channelDevice: `${channel}#${deviceId}` }, true);
        const cursor = row?.[cursorAttribute(channel)] as Position | undefined;
        const missing = this.#missing(
          device.spec,
          channel,
          cursor?.epoch === position.epoch ? cursor.seq : 0,
        );
        if (missing === undefined) continue;
        judge.violated(
          guarantee,
          `${userId}/${deviceId} in ${channel}: stands at ${cursor?.seq}, was given ${missing}`,
        );
      }
    }
  }

  /** The first seq after a position that the device needs. */
  #missing(
    spec: DeviceSpec,
    channel: string,
    after: number,
    holds: (seq: number) => boolean = () => false,
  ): number | undefined {
    const { ledger } = this.#world.judge;
    for (let seq = after + 1; seq <= ledger.channel(channel).head; seq++) {
      if (!ledger.isSettledFor(channel, seq, spec) && !holds(seq)) return seq;
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

  /** Of those that were ever opened to messages: others lapse by themselves. */
  checkSubscriptions(): void {
    const { judge, sockets, database, scheduler } = this.#world;
    const rows = database.rows('subscriptions').filter((row) => row.readyAt !== undefined);
    for (const { channel, userId = '', connectionId = '', expiresAt } of rows) {
      if (Number(expiresAt) * 1000 <= scheduler.now) continue;
      const socket = sockets.all.get(String(connectionId));
      const connection = database.get('connections', { userId, connectionId }, true);
      const { channels } = connection ?? {};
      const isKnown = channels instanceof Set && channels.has(channel);
      if (isKnown || this.#closedJustNow(socket)) continue;
      judge.violated('subscriptions go with their connections', `${connectionId} still hears ${channel}`);
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

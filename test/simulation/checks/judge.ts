/** Hears of everything that happens and holds it against the guarantees. The first violation ends the run. */

import { HEAD_SEQ, READ_STATE_ID } from '../../../lambdas/adapters/dynamodb/tables.ts';
import type { LambdaSpec, TableAction } from '../../../lambdas/lambda-spec.ts';
import { LAMBDAS } from '../../../lambdas/manifest.ts';
import type { ServerFrame } from '../../../lambdas/protocol/frames.ts';
import { isPendingName, isSocketName } from '../../../lambdas/protocol/socket-names.ts';
import { framesIn } from '../../../lambdas/wire/stomp/grammar.ts';
import type { Watcher } from '../dynamodb/client.ts';
import type { Asked, Change, TableName, Write } from '../dynamodb/database.ts';
import type { Row } from '../dynamodb/expressions.ts';
import type { DeviceSpec } from '../world/device.ts';
import type { Invocation, Outcome } from '../world/invocation.ts';
import type { Socket } from '../world/sockets.ts';
import type { World } from '../world/world.ts';
import { Audience } from './audience.ts';
import { Connections } from './connections.ts';
import { Cursors } from './cursors.ts';
import { Frames } from './frames.ts';
import { Histories } from './histories.ts';
import { isOriginOf, Ledger, type Origin } from './ledger.ts';
import { Members } from './members.ts';
import { Places } from './places.ts';
import { Reads } from './reads.ts';

export type Violated = (guarantee: string, detail: string) => void;

export interface Violation {
  guarantee: string;
  detail: string;
  at: number;
}

/** As long as a transaction takes at most, if nothing is wrong. */
const QUICK_MS = 100;

export class Judge implements Watcher {
  violation: Violation | undefined;
  /** Users whose rows may go, and those whose rows go at the moment. */
  readonly erased = new Set<string>();
  readonly erasing = new Set<string>();
  readonly ledger: Ledger;
  readonly cursors: Cursors;
  readonly frames: Frames;
  readonly members: Members;
  readonly audience: Audience;
  readonly connections: Connections;
  readonly places: Places;
  readonly reads: Reads;
  readonly histories: Histories;
  writes = 0;
  /** Replays that publishers asked for. */
  requests = 0;
  readonly #world: World;
  /** By page, the rows an invocation found when it looked for who hears a channel, and the connections it then tried. */
  readonly #listed = new Map<number, Map<string, Row[]>>();
  readonly #tried = new Map<number, Set<string>>();
  /** What an invocation delivers: which publish, and who caused it. */
  readonly #delivers = new Map<number, { publish: number | undefined; origin: Origin | undefined }>();
  /** Invocations that met a fault of the stores, and leave the rest to another. */
  readonly #faulted = new Set<number>();
  #writer: Invocation | undefined;

  constructor(world: World) {
    this.#world = world;
    const now = () => world.scheduler.now;
    this.members = new Members(now);
    this.ledger = new Ledger(this.violated, world.publishers, now);
    this.cursors = new Cursors(this.ledger, this.members, this.violated, now);
    const { ledger, cursors, members } = this;
    const isHeld = (subscription: Row) => world.database.isHeld('subscriptions', subscription);
    this.audience = new Audience(world.settings, { ledger, cursors, members, isHeld }, this.violated, now);
    this.frames = new Frames({ ledger, cursors, audience: this.audience }, this.violated, {
      now,
      // A row that is long part of a transaction is a fault, too: what meets it is done again.
      calmSince: () => (world.database.temper.maxVisibilityMs > QUICK_MS ? undefined : world.calmSince),
    });
    const find = (table: TableName, key: Row) => world.database.get(table, key, true);
    const rowOf = ({ userId, id }: Socket) => find('connections', { userId, connectionId: id });
    this.connections = new Connections(world.sockets.all, rowOf, this.violated, now);
    this.places = new Places(find, now);
    const isServed = ({ userId, id }: Pick<Socket, 'userId' | 'id'>) => {
      const row = find('connections', { userId, connectionId: id });
      return row !== undefined && row.bye === undefined && Number(row.tokenExpiresAt) > now();
    };
    this.reads = new Reads(
      ledger,
      { isServed, isErasing: (user) => this.erasing.has(user) },
      this.violated,
      now,
    );
    this.histories = new Histories(
      { ledger, reads: this.reads, members, audience: this.audience },
      this.violated,
    );
  }

  violated = (guarantee: string, detail: string): void => {
    this.#world.trace(`VIOLATED: ${guarantee}: ${detail}`);
    this.violation ??= { guarantee, detail, at: this.#world.scheduler.now };
  };

  changed(change: Change): void {
    const isErased = change.before && !change.after && this.#isOfErased(change.before);
    if (isErased) this.#forget(change.before as Row);
    if (change.table === 'messages' && !isErased) this.ledger.changed(change);
    if (change.table === 'devices' && !isErased) this.reads.changed(change, this.#writer);
    if (change.table === 'devices' || change.table === 'cursors') this.cursors.changed(change, this.#writer);
    if (change.table === 'members') this.members.changed(change);
    if (change.table === 'subscriptions') this.#subscriptionChanged(change);
    if (change.table === 'connections') this.#connectionChanged(change);
  }

  invoked(invocation: Invocation, event: unknown): void {
    const { id, lambda } = invocation;
    if (isOfStomp(event)) return;
    if (lambda === 'message' && saysStart(event)) this.cursors.toldStart(invocation);
    this.reads.invoked(invocation, event);
    this.histories.invoked(invocation, event);
    if (lambda === 'fan-out') this.#delivers.set(id, this.#inRange(event));
    if (lambda !== 'notify' || isFrame(event)) return;
    const { body, detail } = event as { body?: string; detail?: object };
    const asked = body === undefined ? (detail ?? event) : JSON.parse(body);
    const { excludeUserId, excludeDeviceId, data } = asked as {
      excludeUserId?: string;
      excludeDeviceId?: string;
      data?: { publish?: number };
    };
    const [deviceId, tab] = excludeDeviceId?.split('/') ?? [];
    const origin = { userId: excludeUserId, deviceId, tab };
    this.#delivers.set(id, { publish: data?.publish, origin });
  }

  #isOfErased = ({ userId, channel }: Row): boolean =>
    [...this.erased].some((user) => userId === user || channel === `user:${user}`);

  /** Its rows may go: what was known of it goes with them. */
  #forget({ userId, channel, seq, deviceId }: Row): void {
    if (seq === HEAD_SEQ) this.ledger.channels.delete(String(channel));
    if (deviceId === READ_STATE_ID) this.reads.forget(String(userId));
  }

  #inRange(event: unknown): { publish: number | undefined; origin: Origin | undefined } {
    const [record] = (event as { Records: { body: string }[] }).Records;
    const { channel, seq } = JSON.parse(record?.body ?? '{}');
    const entry = this.ledger.entry(channel, seq);
    return { publish: entry?.publish, origin: entry?.origin };
  }

  #subscriptionChanged(change: Change): void {
    this.frames.rowChanged(change);
    this.audience.subscriptionChanged(change, this.#writer);
    this.places.subscriptionChanged(change);
  }

  #connectionChanged(change: Change): void {
    const { before, after } = change;
    // Its clients are judged by what they hear.
    if (isStompRow(after ?? before)) return;
    this.frames.rowChanged(change);
    this.connections.changed(change, this.#writer);
    if (before && !after && change.cause === 'write' && this.#writer?.lambda === 'disconnect')
      this.audience.removed(this.#writer, String(before.connectionId));
    if (after?.bye !== undefined && before?.bye === undefined && this.#writer)
      this.audience.marked(this.#writer, String(after.connectionId));
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
    const { tables = {}, tablesForStomp = {} }: LambdaSpec = LAMBDAS[lambda];
    // Only in the world of STOMP's clients is that setting on.
    const forStomp = this.#world.plan.devices.length === 0 ? tablesForStomp[table] : [];
    if (![...(tables[table] ?? []), ...(forStomp ?? [])].includes(action))
      this.violated('a Lambda does only what it may', `${lambda} #${id}: ${action} on ${table}`);
  }

  wrote(invocation: Invocation, table: TableName): void {
    this.#writer = invocation;
    // Of a removal that is sent twice the second learns nothing of what the row held.
    if (table === 'connections') this.audience.forgetRemoval(invocation);
    this.writes += 1;
  }

  showing(invocation: Invocation): void {
    this.#writer = invocation;
  }

  refused({ id, lambda }: Invocation, writes: Write[]): void {
    if (lambda === 'notify') this.places.refused(writes, this.#delivers.get(id)?.origin?.deviceId);
  }

  proved(_invocation: Invocation, rows: number): void {
    this.places.proved(rows);
  }

  read({ id, lambda }: Invocation, { table, bindings, start }: Asked, rows: Row[]): void {
    if (lambda !== 'notify' && lambda !== 'fan-out') return;
    if (table !== 'connections' && table !== 'subscriptions') return;
    const pages = this.#listed.get(id) ?? new Map<string, Row[]>();
    // The same page may be asked for twice: what it said the last time counts.
    this.#listed.set(id, pages.set(JSON.stringify([table, bindings.values, start]), rows));
  }

  calledGateway(invocation: Invocation, action: 'post' | 'close', connectionId: string, frame: string): void {
    const tried = this.#tried.get(invocation.id) ?? new Set();
    this.#tried.set(invocation.id, tried.add(connectionId));
    if (action === 'post') this.#posting(invocation, this.#world.sockets.all.get(connectionId), frame);
    else this.reads.refused(invocation);
  }

  #posting(invocation: Invocation, socket: Socket | undefined, text: string): void {
    if (socket?.isStomp) return;
    // What it was composed of may be gone by now.
    if (socket && this.erasing.has(socket.userId)) return;
    this.frames.posting(invocation, socket, text);
    const frame: ServerFrame = JSON.parse(text);
    this.reads.posting(invocation, socket, frame);
    if (frame.event === 'history') this.histories.posting(invocation, socket, frame);
  }

  accepted(invocation: Invocation, socket: Socket, frame: string): void {
    if (socket.isStomp) {
      this.#acceptedStomp(socket, frame);
      return;
    }
    this.frames.accepted(invocation, socket, frame);
    this.reads.accepted(socket, JSON.parse(frame));
  }

  /** What it was sent, its cursor may pass. */
  #acceptedStomp({ ackMode, ...device }: Socket, text: string): void {
    if (ackMode !== 'auto') return;
    for (const { command, headers } of framesIn(text)) {
      const seq = Number(headers.find(([name]) => name === 'seq')?.[1]);
      if (command === 'MESSAGE') this.took(device, `user:${device.userId}`, seq);
    }
  }

  /** A client of STOMP has it, or the gateway has it for it. */
  took({ userId, deviceId }: Pick<Socket, 'userId' | 'deviceId'>, channel: string, seq: number): void {
    this.cursors.give({ userId, deviceId }, channel, this.ledger.channel(channel).epoch ?? '', seq);
  }

  wasPosted(
    { userId, deviceId }: Pick<Socket, 'userId' | 'deviceId'>,
    channel: string,
    seq: number,
  ): boolean {
    const { epoch = '' } = this.ledger.channel(channel);
    return this.cursors.wasGiven({ userId, deviceId }, channel, epoch, seq);
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
    const hasDelivered = this.#delivers.has(id) && outcome.kind === 'returned' && hasServed(outcome.value);
    if (hasDelivered) this.#checkTried(invocation);
    const hasSucceeded = outcome.kind === 'returned' && !this.#faulted.has(id);
    this.connections.finished(invocation, hasSucceeded);
    this.reads.finished(invocation, outcome, hasSucceeded);
    this.histories.finished(invocation);
    this.audience.finished(invocation, hasSucceeded);
    this.#faulted.delete(id);
    this.#listed.delete(id);
    this.#tried.delete(id);
    this.#delivers.delete(id);
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

  /** A client was told that it may not hear a topic. */
  refusedSubscription(socket: Socket, topic: string): void {
    const { userId } = socket;
    const isMember = this.members.isMemberSince(topic, userId, this.#world.scheduler.now - FRAME_MAY_TAKE_MS);
    if (!isMember && !this.audience.isPermitted(socket, `topic:${topic}`)) return;
    this.violated('who may hear a topic is not refused', `${userId}: ${topic}`);
  }

  /** A client hands a message to its application. */
  clientTook(
    { userId, deviceId, ackMode }: DeviceSpec,
    channel: string,
    epoch: string,
    seq: number,
    id: string,
  ): void {
    if (this.ledger.channel(channel).epoch !== epoch) return;
    const entry = this.ledger.entry(channel, seq);
    if (entry?.id !== id)
      this.violated(
        'what is told is what is stored',
        `${userId}/${deviceId}: ${channel} seq ${seq} as ${id}`,
      );
    if (ackMode === 'client') this.cursors.give({ userId, deviceId }, channel, epoch, seq);
  }

  /** A client is told that a seq is settled which it was not sent on this connection. */
  clientPassed(spec: DeviceSpec, channel: string, epoch: string, seq: number): void {
    const { userId, deviceId } = spec;
    if (this.ledger.channel(channel).epoch !== epoch) return;
    if (this.ledger.isSettledFor(channel, seq, { userId, deviceId })) return;
    if (this.cursors.wasGiven({ userId, deviceId }, channel, epoch, seq)) return;
    if (this.audience.isBeforeJoin(spec, channel, { epoch, seq })) return;
    const what = `${channel} seq ${seq} was settled and never sent`;
    this.violated('no message is skipped', `${userId}/${deviceId}: ${what}`);
  }

  /** Whether the subscription of a row began after what is published, by an earlier request. */
  #isEarlier(row: Row, publish: number | undefined): boolean {
    const startsAt = row.startsAt as { epoch: string; seq: number } | undefined;
    const channel = row.channel === undefined ? `user:${row.userId}` : String(row.channel);
    if (startsAt === undefined || publish === undefined) return false;
    return this.ledger.holders(channel, publish).some(({ seq }) => seq <= startsAt.seq);
  }

  /** One bad connection never harms the others: each that could take a frame is tried. */
  #checkTried({ id, lambda, now }: Invocation): void {
    const { publish, origin } = this.#delivers.get(id) ?? {};
    for (const row of [...(this.#listed.get(id)?.values() ?? [])].flat()) {
      if (isStompRow(row)) continue;
      const ready =
        row.readyAt !== undefined &&
        row.pausedAt === undefined &&
        row.bye === undefined &&
        Number(row.tokenExpiresAt) > now;
      const hearer = { userId: String(row.userId), deviceId: row.deviceId as string | undefined };
      const isOrigin = origin?.tab === undefined && isOriginOf(origin, hearer);
      if (
        !ready ||
        isOrigin ||
        this.#isEarlier(row, publish) ||
        this.#tried.get(id)?.has(String(row.connectionId))
      )
        continue;
      if (Number(row.expiresAt) * 1000 <= now) continue;
      this.violated(
        'one bad connection never harms the others',
        `${lambda} #${id} did not try ${row.connectionId}`,
      );
    }
  }
}

/** As long as a frame may take to be answered. */
const FRAME_MAY_TAKE_MS = 60_000;

/** Not when the publish or a range failed, or the connections could not be looked up. */
function hasServed(answer: unknown): boolean {
  const text = JSON.stringify(answer ?? '').replaceAll('\\"', '"');
  return !['retryable', '"connections":0', 'itemIdentifier'].some((sign) => text.includes(sign));
}

const isOfStomp = (event: unknown): boolean =>
  (event as { requestContext?: { authorizer?: { stomp?: string } } }).requestContext?.authorizer?.stomp ===
  '1';

/** Of a connection, of its socket, or of one that waits. */
const isStompRow = (row: Row | undefined): boolean =>
  String(row?.dialect).endsWith('.stomp') ||
  isSocketName(String(row?.userId)) ||
  isPendingName(String(row?.userId));

/** Of the WebSocket API. */
const isFrame = (event: unknown): boolean =>
  (event as { requestContext?: object }).requestContext !== undefined &&
  'connectionId' in (event as { requestContext: object }).requestContext;

/** A `subscribe` that says where to begin. */
function saysStart(event: unknown): boolean {
  try {
    const { action, after } = JSON.parse((event as { body?: string }).body ?? '') ?? {};
    return action === 'subscribe' && after !== undefined;
  } catch {
    return false;
  }
}

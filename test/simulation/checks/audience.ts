/** Who may hear which channel: by a token, by the setting, as a member, and not any more after it was taken. */
import { subscriptionKey } from '../../../lambdas/adapters/dynamodb/subscription-rows.ts';
import { parseChannel } from '../../../lambdas/protocol/channel.ts';
import type { ServerFrame, SubscribedFrame, SubscriptionState } from '../../../lambdas/protocol/frames.ts';
import { allows } from '../../../lambdas/protocol/permissions.ts';
import type { Change } from '../dynamodb/database.ts';
import type { Row } from '../dynamodb/expressions.ts';
import type { Position } from '../world/device.ts';
import type { Invocation } from '../world/invocation.ts';
import type { Socket } from '../world/sockets.ts';
import type { Cursors } from './cursors.ts';
import type { Violated } from './judge.ts';
import type { Ledger } from './ledger.ts';
import type { Members } from './members.ts';

export interface AudienceSettings {
  everyone: boolean;
  openTopics: readonly string[];
}

/** As long as a frame may be under way, and what it says still counts. */
const FRAME_MAY_TAKE_MS = 60_000;

/** What tells of a channel, or of what is in it. */
type Telling = Extract<ServerFrame, { event: 'ready' | 'message' | 'withdrawn' | 'replay' | 'subscribed' }>;

/** The row of a subscription as it appeared. `by`: the invocation that wrote it. */
interface Subscribed {
  epoch: string | undefined;
  head: number;
  by: number | undefined;
  at: number;
}

export class Audience {
  /** By connection and channel: when it was told that it does not hear the channel any more. */
  readonly #left = new Map<string, number>();
  /** By connection, channel and seq: what the gateway has taken. */
  readonly #heard = new Set<string>();
  /** The rows of subscriptions that show, each as it appeared: the head of its channel, by whom, when. */
  readonly #rows = new Map<string, Subscribed>();
  /** By invocation: connections whose rows it removed, and how often it tried. */
  readonly #removing = new Map<number, string[]>();
  /** By invocation: connections that it marked to be closed. */
  readonly #marking = new Map<number, string[]>();
  /** By connection: when that was done, with all that goes with it. */
  readonly #dismissed = new Map<string, number>();
  readonly #settings: AudienceSettings;
  readonly #members: Members;
  readonly #ledger: Ledger;
  readonly #cursors: Cursors;
  /** Whether a transaction holds the row of a subscription. */
  readonly #isHeld: (subscription: Row) => boolean;
  readonly #violated: Violated;
  readonly #now: () => number;

  constructor(
    settings: AudienceSettings,
    facts: { members: Members; ledger: Ledger; cursors: Cursors; isHeld: (subscription: Row) => boolean },
    violated: Violated,
    now: () => number,
  ) {
    this.#settings = settings;
    this.#members = facts.members;
    this.#ledger = facts.ledger;
    this.#cursors = facts.cursors;
    this.#isHeld = facts.isHeld;
    this.#violated = violated;
    this.#now = now;
  }

  subscriptionChanged({ before, after }: Change, writer: Invocation | undefined): void {
    const row = after ?? before;
    const key = keyOf(String(row?.connectionId), String(row?.channel));
    if (!after) this.#rows.delete(key);
    if (!after || before) return;
    if (this.#dismissed.has(String(row?.connectionId)))
      this.#violated('a dismissed connection hears only its bye', `${key} is subscribed`);
    const { epoch, head } = this.#ledger.channel(String(row?.channel));
    this.#rows.set(key, { epoch, head, by: writer?.id, at: this.#now() });
    this.#left.delete(key);
  }

  /** An invocation marked a connection to be closed. */
  marked({ id }: Invocation, connectionId: string): void {
    this.#marking.set(id, [...(this.#marking.get(id) ?? []), connectionId]);
  }

  /** An invocation removed the row of a connection. */
  removed({ id }: Invocation, connectionId: string): void {
    this.#removing.set(id, [...(this.#removing.get(id) ?? []), connectionId]);
  }

  forgetRemoval({ id }: Invocation): void {
    this.#removing.delete(id);
  }

  finished({ id }: Invocation, hasSucceeded: boolean): void {
    for (const connectionId of hasSucceeded ? (this.#removing.get(id) ?? []) : []) {
      const left = [...this.#rows.keys()].find(
        (key) => key.startsWith(`${connectionId} `) && !this.#isGoing(key),
      );
      if (left) this.#violated('subscriptions go with their connections', `${left} is left`);
    }
    this.#removing.delete(id);
    for (const connectionId of hasSucceeded ? (this.#marking.get(id) ?? []) : [])
      if (!this.#dismissed.has(connectionId)) this.#dismissed.set(connectionId, this.#now());
    this.#marking.delete(id);
  }

  /** Somebody else's removal is decided: the row goes without more ado. */
  #isGoing(key: string): boolean {
    const [connectionId = '', channel = ''] = key.split(' ');
    return this.#isHeld(subscriptionKey(channel, connectionId));
  }

  /** Whether its token or the stack lets a connection hear a topic. */
  isPermitted({ permissions }: Pick<Socket, 'permissions'>, channel: string): boolean {
    const parsed = parseChannel(channel);
    if (parsed?.kind !== 'topic') return false;
    const open = this.#settings.openTopics.map((pattern) => `topic:${pattern}`);
    return allows(permissions.subscribe, parsed) || allows(open, parsed);
  }

  /** It was published before the user joined the topic, or joined it again: it is not for this user. */
  isBeforeJoin(
    { userId, permissions }: Pick<Socket, 'userId' | 'permissions'>,
    channel: string,
    { epoch, seq }: Position,
  ): boolean {
    if (!channel.startsWith('topic:') || this.isPermitted({ permissions }, channel)) return false;
    const floors = this.#members.floors(topicOf(channel), userId, this.#now() - FRAME_MAY_TAKE_MS);
    return floors.some((floor) => floor.epoch === epoch && floor.seq >= seq);
  }

  /** A Lambda is about to post. */
  posting(invocation: Invocation, socket: Socket, name: string, frame: Telling): void {
    this.#checkHearing(invocation, socket, name, frame.event, frame.channel);
    if (frame.event === 'ready') {
      for (const { channel } of frame.subscriptions)
        this.#checkHearing(invocation, socket, name, frame.event, channel);
      for (const told of frame.subscriptions) this.#checkBeginning(invocation, socket, name, told);
    }
    if (frame.event === 'subscribed') this.#checkBeginning(invocation, socket, name, frame);
    if (frame.event === 'ready' || frame.event === 'subscribed') return;
    this.#checkDismissed(invocation, socket, name, frame.channel);
    const messages = frame.event === 'replay' ? frame.messages : [frame];
    for (const { seq } of messages) this.#checkFloor(invocation, socket, name, frame.channel, seq);
    if (frame.event === 'message') this.#checkLeft(socket, name, frame.channel, frame.seq);
  }

  /** The gateway has taken it. */
  accepted(invocation: Invocation, socket: Socket, frame: ServerFrame): void {
    if (frame.event === 'unsubscribed') {
      const key = keyOf(socket.id, frame.channel);
      if (!this.#rows.has(key)) this.#left.set(key, this.#now());
    }
    if (frame.event === 'message' || frame.event === 'replay') {
      for (const { seq } of frame.event === 'message' ? [frame] : frame.messages)
        this.#heard.add(`${socket.id} ${frame.channel} ${seq}`);
    }
    if (frame.event === 'subscribed') this.#checkHead(invocation, socket, frame);
    if (frame.event === 'subscribed' && frame.ref === undefined) this.#checkJoined(socket, frame);
  }

  /** A publisher that has not seen the row had moved the head before it was read. */
  #checkHead(invocation: Invocation, socket: Socket, { channel, epoch, head }: SubscribedFrame): void {
    const { id, userId, deviceId } = socket;
    const row = this.#rows.get(keyOf(id, channel));
    if (row === undefined || row.epoch !== epoch || head >= row.head) return;
    // It tells of the subscription before this one, and comes late.
    if (row.by !== invocation.id && row.at > invocation.startedAt) return;
    const what = `${userId}/${deviceId}: ${channel} at ${head}, the head was ${row.head}`;
    this.#violated('a subscription is written before the head is read', what);
  }

  #checkHearing({ startedAt }: Invocation, socket: Socket, name: string, event: string, channel: string) {
    const { userId } = socket;
    if (channel === `user:${userId}`) return;
    if (channel.startsWith('user:'))
      return this.#violated('no frame reaches another user', `${name}: ${event} of ${channel}`);
    if (channel === 'everyone' ? this.#settings.everyone : this.isPermitted(socket, channel)) return;
    if (this.#members.floors(topicOf(channel), userId, startedAt).length > 0) return;
    // The row of its connection is gone, that of the subscription not yet: the gateway answers 410.
    if (socket.state === 'closed') return;
    this.#violated('nobody hears what is not theirs to hear', `${name}: ${event} of ${channel}`);
  }

  /** Who hears a topic by membership alone never reaches back before the user joined. */
  #checkFloor(invocation: Invocation, socket: Socket, name: string, channel: string, seq: number): void {
    const lowest = this.#lowest(invocation, socket, channel);
    if (seq > lowest || socket.state === 'closed') return;
    this.#violated(
      'a member hears nothing of before joining',
      `${name}: ${channel} seq ${seq}, joined at ${lowest}`,
    );
  }

  /** Where it is told to begin: what comes before will not be sent. */
  #checkBeginning(invocation: Invocation, socket: Socket, name: string, told: SubscriptionState): void {
    const { channel, epoch, cursor } = told;
    const lowest = this.#lowest(invocation, socket, channel);
    if (cursor >= lowest || epoch !== this.#ledger.channel(channel).epoch) return;
    this.#violated(
      'a member hears nothing of before joining',
      `${name}: begins ${channel} at ${cursor}, joined at ${lowest}`,
    );
  }

  /** What follows it a connection may hear; below every seq where its user need not have joined. */
  #lowest({ startedAt }: Invocation, socket: Socket, channel: string): number {
    if (!channel.startsWith('topic:') || this.isPermitted(socket, channel)) return -1;
    const { epoch } = this.#ledger.channel(channel);
    const floors = this.#members.floors(topicOf(channel), socket.userId, startedAt);
    // A restore gives the channel a new epoch, in which nobody joined.
    return Math.min(...floors.map((floor) => (floor.epoch === epoch ? floor.seq : 0)));
  }

  #checkDismissed({ startedAt }: Invocation, { id, state }: Socket, name: string, channel: string): void {
    // A row that a fault has left over of a closed socket goes when it is posted to.
    if (channel.startsWith('user:') || state === 'closed') return;
    if (startedAt > (this.#dismissed.get(id) ?? Number.POSITIVE_INFINITY))
      this.#violated('a dismissed connection hears only its bye', `${name}: ${channel}`);
  }

  /** Nothing of a publish that was sent after the answer. */
  #checkLeft({ id }: Socket, name: string, channel: string, seq: number): void {
    const leftAt = this.#left.get(keyOf(id, channel)) ?? Number.POSITIVE_INFINITY;
    const entry = this.#ledger.entry(channel, seq);
    if (!entry || entry.begunAt <= leftAt) return;
    this.#violated('nothing comes after it was unsubscribed', `${name}: ${channel} seq ${seq}`);
  }

  /** Everything that was published since the join was answered reaches the connections of then. */
  #checkJoined({ id, userId, deviceId, connectedAt }: Socket, frame: SubscribedFrame): void {
    const { channel, epoch, cursor } = frame;
    const membership = this.#members.standing(topicOf(channel), userId);
    if (membership?.answeredAt === undefined || membership.floor.epoch !== epoch) return;
    if (connectedAt > membership.since) return;
    for (let seq = membership.floor.seq + 1; seq <= cursor; seq++) {
      const entry = this.#ledger.entry(channel, seq);
      if (!entry || entry.begunAt <= membership.answeredAt) continue;
      if (this.#ledger.isSettledFor(channel, seq, { userId, deviceId })) continue;
      if (deviceId !== undefined && this.#cursors.isKnownTo(userId, channel, epoch, seq)) continue;
      if (this.#heard.has(`${id} ${channel} ${seq}`)) continue;
      this.#violated(
        'a member hears everything since the join was answered',
        `${userId}/${deviceId}: begins ${channel} after ${cursor}, over seq ${seq}`,
      );
    }
  }
}

const topicOf = (channel: string): string => channel.slice('topic:'.length);
const keyOf = (connectionId: string, channel: string): string => `${connectionId} ${channel}`;

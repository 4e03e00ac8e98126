/** What leaves for the clients: only their own, only what is kept, only while they may hear it, and bounded. */

import type { ReplayFrame, ServerFrame } from '../../../lambdas/protocol/frames.ts';
import { REPLAY_WINDOW_FRAMES } from '../../../lambdas/protocol/limits.ts';
import type { Change } from '../dynamodb/database.ts';
import type { Invocation } from '../world/invocation.ts';
import type { Socket } from '../world/sockets.ts';
import type { Audience } from './audience.ts';
import type { Cursors } from './cursors.ts';
import type { Violated } from './judge.ts';
import { type Entry, type Hearer, isOriginOf, type Ledger } from './ledger.ts';

/** What a fault has put off is over. */
const SETTLED_MS = 60_000;

export class Frames {
  readonly #first = new Set<string>();
  /** By socket: how far its first replay has come. */
  readonly #starts = new Map<string, { through: number; isOver: boolean }>();
  readonly #dismissedAt = new Map<string, number>();
  /** By connection and channel, the frames of the replay under way, by their `through`: a failed post is tried again. */
  readonly #windows = new Map<string, { invocation: string; throughs: Set<number> }>();
  readonly #ledger: Ledger;
  readonly #cursors: Cursors;
  readonly #audience: Audience;
  readonly #violated: Violated;
  readonly #now: () => number;
  readonly #calmSince: () => number | undefined;
  #parsed: { text: string; frame: ServerFrame } | undefined;

  constructor(
    { ledger, cursors, audience }: { ledger: Ledger; cursors: Cursors; audience: Audience },
    violated: Violated,
    { now, calmSince }: { now: () => number; calmSince: () => number | undefined },
  ) {
    this.#ledger = ledger;
    this.#cursors = cursors;
    this.#audience = audience;
    this.#violated = violated;
    this.#now = now;
    this.#calmSince = calmSince;
  }

  /** Of a connection, or of a subscription. */
  rowChanged({ before, after }: Change): void {
    if (after === undefined) return;
    const id = String(after.connectionId);
    const channel = after.channel === undefined ? `user:${after.userId}` : String(after.channel);
    if (after.replayHolder !== before?.replayHolder) this.#windows.delete(`${id} ${channel}`);
    if (after.bye === undefined) return;
    if (!this.#dismissedAt.has(id)) this.#dismissedAt.set(id, this.#now());
  }

  /** A Lambda is about to post. */
  posting(invocation: Invocation, socket: Socket | undefined, text: string): void {
    const frame = this.#parse(text);
    if (!socket || frame.event === 'bye') return;
    const name = `${socket.id} (${socket.userId}/${socket.deviceId})`;
    if (invocation.now >= socket.tokenExpiresAt) {
      this.#violated('no frame after the token expired', `${name}: ${frame.event}`);
    }
    if (!isOfChannel(frame)) return;
    this.#audience.posting(invocation, socket, name, frame);
    const isOwn = frame.channel === `user:${socket.userId}`;
    const isContent = frame.event !== 'subscribed';
    if (
      isContent &&
      isOwn &&
      invocation.startedAt > (this.#dismissedAt.get(socket.id) ?? Number.POSITIVE_INFINITY)
    ) {
      this.#violated('a dismissed connection hears only its bye', `${name}: ${frame.event}`);
    }
    if (frame.event === 'message' || frame.event === 'replay')
      this.#checkMessages(invocation, socket, name, frame);
    if (frame.event === 'withdrawn') this.#checkWithdrawn(name, frame.channel, [frame.seq], frame.seqs);
    if (frame.event === 'replay') {
      this.#checkWindow(invocation, socket, name, frame);
      this.#checkWhole(socket, name, frame);
    }
  }

  /** The gateway has taken it. */
  accepted(invocation: Invocation, socket: Socket, text: string): void {
    const frame = this.#parse(text);
    if (!this.#first.has(socket.id)) {
      this.#first.add(socket.id);
      // Who speaks before it is answered before it.
      if (!['ready', 'bye', 'error'].includes(frame.event) && !socket.hasSpoken) {
        this.#violated(
          '`ready` is the first frame',
          `${socket.id} (${socket.userId}/${socket.deviceId}): ${text.slice(0, 120)}`,
        );
      }
    }
    this.#checkStart(socket, frame);
    this.#audience.accepted(invocation, socket, frame);
    if (frame.event !== 'message' && frame.event !== 'replay' && frame.event !== 'withdrawn') return;
    const epoch = this.#ledger.channel(frame.channel).epoch ?? '';
    // What a client does with it is nobody's business: it is told.
    for (const seq of this.#withdrawalsIn(frame)) this.#cursors.give(socket, frame.channel, epoch, seq);
    if (socket.ackMode !== 'auto' || frame.event === 'withdrawn') return;
    for (const { seq } of frame.event === 'message' ? [frame] : frame.messages) {
      this.#cursors.give(socket, frame.channel, epoch, seq);
    }
  }

  /** Though its client asks for it while the stream does: until the client says more than that. */
  #checkStart(socket: Socket, frame: ServerFrame): void {
    const isOwn = 'channel' in frame && frame.channel === `user:${socket.userId}`;
    if (!isOwn || (frame.event !== 'ready' && frame.event !== 'replay')) return;
    const begun = this.#starts.get(socket.id);
    const through = frame.event === 'ready' ? 0 : frame.through;
    this.#starts.set(socket.id, { through, isOver: frame.event === 'replay' && !frame.more });
    // What failed meanwhile is done again.
    const calmSince = this.#calmSince() ?? Number.POSITIVE_INFINITY;
    if (!begun || socket.connectedAt < calmSince + SETTLED_MS) return;
    // In mode `auto` publishers have what a cursor lacks sent again.
    const isOthers = socket.hasSpoken || (socket.ackMode === 'auto' && socket.deviceId !== undefined);
    const mayRepeat = frame.event === 'replay' && isOthers;
    const isRepeated = frame.event === 'ready' || begun.isOver || frame.after < begun.through;
    if (isRepeated && !mayRepeat)
      this.#violated(
        '`ready` and its replay come once',
        `${socket.id}: ${JSON.stringify(frame).slice(0, 120)}`,
      );
  }

  #checkMessages(
    invocation: Invocation,
    socket: Socket,
    name: string,
    frame: Extract<ServerFrame, { event: 'message' | 'replay' }>,
  ): void {
    for (const { seq, id, origin } of frame.event === 'message' ? [frame] : frame.messages) {
      const entry = this.#ledger.entry(frame.channel, seq);
      if (entry?.id !== id) {
        this.#violated(
          'what is sent is what is stored',
          `${name}: seq ${seq} sent as ${id}, stored as ${entry?.id}`,
        );
        continue;
      }
      if ((entry.withdrawnAt ?? Number.POSITIVE_INFINITY) <= invocation.startedAt)
        this.#violated('nothing withdrawn is sent', `${name}: seq ${seq} in a ${frame.event}`);
      const tab = isOriginOf(entry.origin, socket) ? entry.origin?.tab : undefined;
      if (origin !== tab)
        this.#violated('only the device of a tab is told of the tab', `${name}: seq ${seq} of ${origin}`);
      if (this.#ledger.isOwn(entry, socket)) {
        this.#violated('the origin device is not told', `${name}: seq ${seq} in a ${frame.event}`);
      }
      if (entry.expiresAt + 1000 <= invocation.startedAt + invocation.clockOffsetMs) {
        const ago = this.#now() - entry.expiresAt;
        this.#violated(
          'nothing expired is sent',
          `${name}: seq ${seq}, expired ${ago} ms ago, in a ${frame.event}`,
        );
      }
    }
  }

  /** The seqs of the withdrawals that a frame tells of. */
  #withdrawalsIn(frame: Extract<ServerFrame, { event: 'message' | 'withdrawn' | 'replay' }>): number[] {
    if (frame.event !== 'replay') return frame.event === 'withdrawn' ? [frame.seq] : [];
    const seqs = Array.from(
      { length: frame.through - frame.after },
      (_none, index) => frame.after + 1 + index,
    );
    return seqs.filter((seq) => this.#isTold(frame, this.#ledger.entry(frame.channel, seq)));
  }

  #isTold = ({ withdrawn = [] }: ReplayFrame, entry: Entry | undefined): boolean =>
    entry?.withdraws?.every((seq) => withdrawn.includes(seq)) ?? false;

  /** What is told to be withdrawn, these withdrawals withdraw. */
  #checkWithdrawn(name: string, channel: string, by: number[], told: readonly number[]): void {
    const withdrawn = by.flatMap((seq) => this.#ledger.entry(channel, seq)?.withdraws ?? []);
    if ([...withdrawn].sort().join() === [...told].sort().join()) return;
    this.#violated('what is sent is what is stored', `${name}: ${told} withdrawn, stored ${withdrawn}`);
  }

  /** Every seq a frame settles is in it, the device's own, or removed by retention and counted. */
  #checkWhole(hearer: Hearer, name: string, frame: ReplayFrame): void {
    const { channel, messages, after, through, expired, collapsed = 0, withdrawn = [] } = frame;
    this.#checkWithdrawn(name, channel, this.#withdrawalsIn(frame), withdrawn);
    const sent = new Set(messages.map(({ seq }) => seq));
    let removed = 0;
    let own = 0;
    let superseded = 0;
    /** Those of them that are kept for certain: so they are told as what they are. */
    let collapsible = 0;
    for (let seq = after + 1; seq <= through; seq++) {
      if (sent.has(seq)) continue;
      const entry = this.#ledger.entry(channel, seq);
      if (this.#isTold(frame, entry)) continue;
      if (entry && this.#ledger.isCollapsed(channel, entry)) {
        superseded += 1;
        const isStill = this.#ledger.isCollapsedStill(channel, entry) && !this.#ledger.hasExpired(entry);
        if (isStill && !this.#ledger.isOwn(entry, hearer)) collapsible += 1;
      } else if (entry && this.#ledger.isOwn(entry, hearer)) own += 1;
      else removed += 1;
      if (this.#ledger.isSettledFor(channel, seq, hearer)) continue;
      this.#violated('a replay leaves nothing out', `${name}: seq ${seq} between ${after} and ${through}`);
    }
    if (collapsed > superseded || collapsed < collapsible)
      this.#violated('what a newer message stands for is told', `${name}: ${superseded}, ${collapsed} told`);
    if (expired >= removed && expired + collapsed <= removed + own + superseded) return;
    this.#violated('what retention removed is told', `${name}: ${removed} removed, ${expired} told`);
  }

  #checkWindow({ id }: Invocation, socket: Socket, name: string, { channel, through }: ReplayFrame): void {
    if (socket.ackMode !== 'client') return;
    const key = `${socket.id} ${channel}`;
    const begun = this.#windows.get(key);
    const window =
      begun?.invocation === String(id) ? begun : { invocation: String(id), throughs: new Set<number>() };
    window.throughs.add(through);
    this.#windows.set(key, window);
    if (window.throughs.size > REPLAY_WINDOW_FRAMES) {
      const count = window.throughs.size;
      this.#violated('a replay waits for acks after a window', `${name}: ${count} frames at once`);
    }
  }

  #parse(text: string): ServerFrame {
    if (this.#parsed?.text !== text) this.#parsed = { text, frame: JSON.parse(text) };
    return this.#parsed.frame;
  }
}

type OfChannel = Extract<ServerFrame, { event: 'ready' | 'message' | 'withdrawn' | 'replay' | 'subscribed' }>;

const isOfChannel = (frame: ServerFrame): frame is OfChannel =>
  ['ready', 'message', 'withdrawn', 'replay', 'subscribed'].includes(frame.event);

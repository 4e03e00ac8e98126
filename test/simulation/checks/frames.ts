/** What leaves for the clients: only their own, only what is kept, only while they may hear it, and bounded. */

import type { ReplayFrame, ServerFrame } from '../../../lambdas/protocol/frames.ts';
import { REPLAY_WINDOW_FRAMES } from '../../../lambdas/protocol/limits.ts';
import type { Change } from '../dynamodb/database.ts';
import type { Invocation } from '../world/invocation.ts';
import type { Socket } from '../world/sockets.ts';
import type { Cursors } from './cursors.ts';
import type { Violated } from './judge.ts';
import type { Ledger } from './ledger.ts';

export class Frames {
  readonly #first = new Set<string>();
  readonly #dismissedAt = new Map<string, number>();
  /** By connection, the frames of the replay under way, by their `through`: a failed post is tried again. */
  readonly #windows = new Map<string, { invocation: string; throughs: Set<number> }>();
  readonly #ledger: Ledger;
  readonly #cursors: Cursors;
  readonly #violated: Violated;
  readonly #now: () => number;
  #parsed: { text: string; frame: ServerFrame } | undefined;

  constructor(ledger: Ledger, cursors: Cursors, violated: Violated, now: () => number) {
    this.#ledger = ledger;
    this.#cursors = cursors;
    this.#violated = violated;
    this.#now = now;
  }

  rowChanged({ before, after }: Change): void {
    if (after === undefined) return;
    const id = String(after.connectionId);
    if (after.replayHolder !== before?.replayHolder) this.#windows.delete(id);
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
    const isContent = frame.event === 'ready' || frame.event === 'message' || frame.event === 'replay';
    if (!isContent) return;
    if (invocation.startedAt > (this.#dismissedAt.get(socket.id) ?? Number.POSITIVE_INFINITY)) {
      this.#violated('a dismissed connection hears only its bye', `${name}: ${frame.event}`);
    }
    if (frame.channel !== `user:${socket.userId}`) {
      this.#violated('no frame reaches another user', `${name}: ${frame.event} of ${frame.channel}`);
    }
    if (frame.event !== 'ready') this.#checkMessages(invocation, socket, name, frame);
    if (frame.event === 'replay') {
      this.#checkWindow(invocation, socket, name, frame);
      this.#checkWhole(socket, name, frame);
    }
  }

  /** The gateway has taken it. */
  accepted(socket: Socket, text: string): void {
    const frame = this.#parse(text);
    if (!this.#first.has(socket.id)) {
      this.#first.add(socket.id);
      // Who speaks before it is answered before it.
      if (frame.event !== 'ready' && frame.event !== 'bye' && !socket.hasSpoken) {
        this.#violated(
          '`ready` is the first frame',
          `${socket.id} (${socket.userId}/${socket.deviceId}): ${text.slice(0, 120)}`,
        );
      }
    }
    if (socket.ackMode !== 'auto' || (frame.event !== 'message' && frame.event !== 'replay')) return;
    const epoch = this.#ledger.channel(frame.channel).epoch ?? '';
    for (const { seq } of frame.event === 'message' ? [frame] : frame.messages) {
      this.#cursors.give(socket.userId, socket.deviceId, epoch, seq);
    }
  }

  #checkMessages(
    invocation: Invocation,
    socket: Socket,
    name: string,
    frame: Extract<ServerFrame, { event: 'message' | 'replay' }>,
  ): void {
    for (const { seq, id } of frame.event === 'message' ? [frame] : frame.messages) {
      const entry = this.#ledger.entry(frame.channel, seq);
      if (entry?.id !== id) {
        this.#violated(
          'what is sent is what is stored',
          `${name}: seq ${seq} sent as ${id}, stored as ${entry?.id}`,
        );
        continue;
      }
      if (socket.deviceId !== undefined && entry.origin === socket.deviceId) {
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

  /** Every seq a frame settles is in it, the device's own, or removed by retention and counted. */
  #checkWhole(
    { deviceId }: Socket,
    name: string,
    { channel, messages, after, through, expired }: ReplayFrame,
  ): void {
    const sent = new Set(messages.map(({ seq }) => seq));
    let removed = 0;
    let own = 0;
    for (let seq = after + 1; seq <= through; seq++) {
      if (sent.has(seq)) continue;
      const isOwn = deviceId !== undefined && this.#ledger.entry(channel, seq)?.origin === deviceId;
      if (isOwn) own += 1;
      else removed += 1;
      if (this.#ledger.isSettledFor(channel, seq, deviceId)) continue;
      this.#violated('a replay leaves nothing out', `${name}: seq ${seq} between ${after} and ${through}`);
    }
    if (expired >= removed && expired <= removed + own) return;
    this.#violated('what retention removed is told', `${name}: ${removed} removed, ${expired} told`);
  }

  #checkWindow({ id }: Invocation, socket: Socket, name: string, { through }: ReplayFrame): void {
    if (socket.ackMode !== 'client') return;
    const begun = this.#windows.get(socket.id);
    const window =
      begun?.invocation === String(id) ? begun : { invocation: String(id), throughs: new Set<number>() };
    window.throughs.add(through);
    this.#windows.set(socket.id, window);
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

/**
 * What is asked of the server and answered: sent when there is a connection, again after a lost
 * one or a refusal that passes, and given up at a deadline.
 */
import type {
  ErrorFrame,
  PublishedFrame,
  SubscribedFrame,
  TakenFrame,
  UnsubscribedFrame,
} from '../lambdas/protocol/frames.ts';
import { MAX_FRAME_BYTES, utf8Bytes } from '../lambdas/protocol/limits.ts';
import type { World } from './environment.ts';
import type { HistoryFrame } from './inbox/inbox-frames.ts';
import { retryDelayMs } from './retry.ts';
import { Timer } from './timing.ts';
import { HeraldError } from './types.ts';

export interface RequestFrame {
  action: 'publish' | 'send' | 'subscribe' | 'unsubscribe' | 'history' | 'read';
  ref: string;
  [field: string]: unknown;
}

export type Answer = PublishedFrame | TakenFrame | SubscribedFrame | UnsubscribedFrame | HistoryFrame;

interface Pending {
  readonly frame: RequestFrame;
  readonly deadlineAt: number;
  /** Until it is sent again. */
  readonly timer: Timer;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: HeraldError) => void;
}

/** What requests need of their client. */
export interface RequestsHost {
  /** `isAgain`: there was no answer. Without a connection the frame is lost. */
  sendRequest(frame: RequestFrame, isAgain: boolean): void;
}

export class Requests {
  readonly #world: World;
  readonly #host: RequestsHost;
  readonly #pending = new Map<string, Pending>();
  #ended: HeraldError | undefined;

  constructor(world: World, host: RequestsHost) {
    this.#world = world;
    this.#host = host;
  }

  /** `frame.ref`: unique among all tabs. Rejects with a HeraldError that has the server's code. */
  ask(frame: RequestFrame): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#ended) throw this.#ended;
      // API Gateway closes a connection that sends more.
      const bytes = utf8Bytes(JSON.stringify(frame));
      if (bytes > MAX_FRAME_BYTES) throw refused('too_large', `${bytes} bytes`);
      const deadlineAt = this.#world.monotonic() + this.#world.timing.requestTimeoutMs;
      const pending = { frame, deadlineAt, timer: new Timer(this.#world), resolve, reject };
      this.#pending.set(frame.ref, pending);
      this.#post(pending, false);
    });
  }

  /** An answer to this tab's requests, or to another's. */
  answer(answer: Answer | ErrorFrame): void {
    const pending = this.#pending.get(answer.ref ?? '');
    if (!pending) return;
    if (answer.event !== 'error') this.#settle(pending).resolve(answer);
    else if (answer.retryable) this.#postAfter(retryDelayMs(this.#world, answer), pending, false);
    else this.#settle(pending).reject(refused(answer.code, answer.message));
  }

  /** There is a new connection. */
  resend(): void {
    for (const pending of this.#pending.values()) this.#post(pending, false);
  }

  /** Nothing is answered any more. */
  end(error: HeraldError): void {
    this.#ended = error;
    for (const pending of this.#pending.values()) this.#settle(pending).reject(error);
  }

  #post(pending: Pending, isAgain: boolean): void {
    if (this.#world.monotonic() >= pending.deadlineAt) {
      this.#settle(pending).reject(refused('timeout', 'no answer'));
      return;
    }
    this.#host.sendRequest(pending.frame, isAgain);
    this.#postAfter(this.#world.timing.probeTimeoutMs, pending, true);
  }

  #postAfter(ms: number, pending: Pending, isAgain: boolean): void {
    const leftMs = pending.deadlineAt - this.#world.monotonic();
    pending.timer.set(Math.min(ms, leftMs), () => this.#post(pending, isAgain));
  }

  #settle(pending: Pending): Pending {
    pending.timer.cancel();
    this.#pending.delete(pending.frame.ref);
    return pending;
  }
}

/** What the server refuses is told with the server's own code. */
export const refused = (code: string, message: string): HeraldError =>
  new HeraldError(code, `${code}: ${message}`);

/**
 * Decides what follows a lost connection: whether the client connects again, after which wait, and
 * which token it must not use again.
 */
import type { ErrorFrame } from '../lambdas/protocol/frames.ts';
import type { Ended } from './connection.ts';
import type { World } from './environment.ts';
import { jitter, Timer } from './timing.ts';
import type { Tokens } from './token.ts';
import { type CloseReason, HeraldError, type Status } from './types.ts';

/** What is told of the attempts. */
export interface RetryHost {
  /** `closed`: it is over, and there is nothing to stop. */
  changeStatus(status: Status): void;
  error(error: HeraldError): void;
}

/** The client closes after this many 401 in a row: the second was for a fresh token. */
const MAX_REFUSALS = 2;

/** No server has reason to ask for a longer wait; and timers of more than 24 days fire at once. */
const MAX_WAIT_MS = 3_600_000;

/** A duration from outside, limited to 0…MAX_WAIT_MS; 0 if it is no number. */
const clamped = (ms: unknown): number => Math.min(Math.max(Number(ms) || 0, 0), MAX_WAIT_MS);

/** How long to wait before a frame that the server refused for now is sent again. */
export const retryDelayMs = ({ timing }: World, { retryAfterMs }: ErrorFrame): number =>
  clamped(retryAfterMs) || timing.backoffBaseMs;

export class Retry {
  readonly #world: World;
  readonly #tokens: Tokens;
  readonly #host: RetryHost;
  readonly #connect: () => void;
  #failures = 0;
  #refusals = 0;
  #connectedAt: number | undefined;
  readonly #timer: Timer;
  #mayHurry = false;

  constructor(world: World, tokens: Tokens, host: RetryHost, connect: () => void) {
    this.#world = world;
    this.#timer = new Timer(world);
    this.#tokens = tokens;
    this.#host = host;
    this.#connect = connect;
  }

  connected(): void {
    this.#connectedAt = this.#world.monotonic();
    this.#refusals = 0;
  }

  /** Goes on with the back-off that another tab has left; without a back-off, connects now. */
  resume(status: Status): void {
    const isWaiting = status.state === 'waiting';
    this.#failures = isWaiting ? status.failures : 0;
    if (isWaiting) this.#wait(clamped(status.retryAt - this.#world.now()));
    else this.#connect();
  }

  after(ended: Ended): void {
    const { error, bye, message } = ended;
    if (bye?.code === 'token_expired') this.#tokens.expired = ended.token;
    const reason = this.#verdict(ended);
    if (error instanceof HeraldError && error.code !== 'closed') this.#host.error(error);
    if (reason) {
      this.#host.changeStatus({ state: 'closed', reason, message });
      return;
    }
    const now = this.#world.monotonic();
    if (now - (this.#connectedAt ?? now) >= this.#world.timing.backoffCapMs) this.#failures = 0;
    this.#connectedAt = undefined;
    const askedMs = clamped(bye?.retryAfterMs);
    const delayMs = askedMs + jitter(this.#world, this.#failures);
    this.#failures += 1;
    this.#wait(delayMs, askedMs === 0);
    const retryAt = this.#world.now() + delayMs;
    this.#host.changeStatus({ state: 'waiting', retryAt, failures: this.#failures, message });
  }

  /** There is reason to hope: do not wait any longer, unless the server asked for it. */
  hurry(): void {
    if (this.#timer.isSet && this.#mayHurry) this.#wait(0);
  }

  stop(): void {
    this.#timer.cancel();
  }

  /** The server asked for any wait that is longer than the longest back-off. */
  #wait(ms: number, mayHurry = ms <= this.#world.timing.backoffCapMs): void {
    this.#mayHurry = mayHurry;
    this.#timer.set(ms, this.#connect);
  }

  /**
   * Why connecting again would end the same way, if it would.
   * - 401: the token was refused, a fresh one may help.
   * - 400, 403: the device id or the origin was refused, retrying cannot help.
   * - A token that is fixed and malformed stays so.
   */
  #verdict({ error, bye, httpStatus = 0 }: Ended): CloseReason | undefined {
    const { isFixed } = this.#tokens;
    const code = error instanceof HeraldError ? error.code : undefined;
    if (code === 'closed') return 'token_expired';
    if (bye && !bye.reconnect && bye.code !== 'token_expired') return bye.code;
    if (httpStatus === 401) this.#refusals += 1;
    const isRefused = this.#refusals >= (isFixed ? 1 : MAX_REFUSALS) || (isFixed && code === 'token');
    return isRefused || httpStatus === 400 || httpStatus === 403 ? 'refused' : undefined;
  }
}

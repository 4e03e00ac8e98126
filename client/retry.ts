/** Decides what follows a lost connection: another, when, and with which token, or none any more. */
import type { Ended } from './connection.ts';
import type { World } from './environment.ts';
import { jitter, Timer } from './timing.ts';
import { type CloseReason, HeraldError, type Status, type TokenSource } from './types.ts';

export interface RetryEvents {
  connect(): void;
  /** `closed`: it is over, and there is nothing to stop. */
  status(status: Status): void;
  error(error: HeraldError): void;
}

/** A refused token is refused again: another one may not be. */
const MAX_REFUSALS = 2;

export const tokenOf = async (source: TokenSource): Promise<string> =>
  typeof source === 'string' ? source : await source();

export class Retry {
  readonly #world: World;
  readonly #source: TokenSource;
  readonly #events: RetryEvents;
  #failures = 0;
  #refusals = 0;
  #connectedAt: number | undefined;
  /** The server said that its time is over. */
  #staleToken: string | undefined;
  readonly #timer: Timer;
  #mayHurry = false;

  constructor(world: World, source: TokenSource, events: RetryEvents) {
    this.#world = world;
    this.#timer = new Timer(world);
    this.#source = source;
    this.#events = events;
  }

  async token(): Promise<string> {
    let token: string;
    try {
      token = await tokenOf(this.#source);
    } catch (cause) {
      throw new HeraldError('token', 'token failed', cause);
    }
    if (token === this.#staleToken) throw new HeraldError('closed', 'no newer token');
    return token;
  }

  connected(): void {
    this.#connectedAt = this.#world.now();
    this.#refusals = 0;
  }

  after(ended: Ended): void {
    const { error, bye, message } = ended;
    if (bye?.code === 'token_expired') this.#staleToken = ended.token;
    const reason = this.#verdict(ended);
    if (reason) {
      this.#events.status({ state: 'closed', reason, message });
      return;
    }
    if (error instanceof HeraldError) this.#events.error(error);
    const now = this.#world.now();
    if (now - (this.#connectedAt ?? now) >= this.#world.timing.backoffCapMs) this.#failures = 0;
    this.#connectedAt = undefined;
    const askedMs = bye?.retryAfterMs ?? 0;
    const delayMs = askedMs + jitter(this.#world, this.#failures);
    this.#failures += 1;
    this.#mayHurry = askedMs === 0;
    this.#timer.set(delayMs, this.#events.connect);
    this.#events.status({ state: 'waiting', retryAt: now + delayMs, failures: this.#failures, message });
  }

  /** There is reason to hope: do not wait any longer, unless the server asked for it. */
  hurry(): void {
    if (this.#timer.isSet && this.#mayHurry) this.#timer.set(0, this.#events.connect);
  }

  stop(): void {
    this.#timer.cancel();
  }

  /** Why connecting again would end the same way, if it would. 401 is the token, 400 and 403 are what we are. */
  #verdict({ error, bye, httpStatus = 0 }: Ended): CloseReason | undefined {
    if (error instanceof HeraldError && error.code === 'closed') return 'token_expired';
    if (bye && !bye.reconnect && bye.code !== 'token_expired') return bye.code;
    if (httpStatus === 401) this.#refusals += 1;
    const isRefused = this.#refusals >= (typeof this.#source === 'string' ? 1 : MAX_REFUSALS);
    return isRefused || httpStatus === 400 || httpStatus === 403 ? 'refused' : undefined;
  }
}

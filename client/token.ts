/**
 * Gets tokens from the app: in time, in a form that a handshake can carry, and none that the server
 * called expired.
 */
import type { World } from './environment.ts';
import { within } from './timing.ts';
import { HeraldError, type TokenSource } from './types.ts';

/**
 * What a sub-protocol of a WebSocket may consist of, which is how a token travels. Every JWT fits.
 */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

export class Tokens {
  readonly #world: World;
  readonly #source: TokenSource;
  /** The server said that its time is over. */
  expired: string | undefined;

  /** Throws a TypeError when there can never be a token. */
  constructor(world: World, source: TokenSource) {
    if (!source || !/string|function/.test(typeof source))
      throw new TypeError('token: expected a JWT, or a function that returns one');
    this.#world = world;
    this.#source = source;
  }

  /** The app gave a token, not a function that gets tokens. */
  get isFixed(): boolean {
    return typeof this.#source === 'string';
  }

  /**
   * Rejects with a HeraldError of code `token`, or `closed` if only the expired token is there.
   * Never quotes a token.
   */
  async next(): Promise<string> {
    const token: unknown = await this.#ask();
    if (typeof token !== 'string') throw wrong(typeof token);
    if (!TOKEN.test(token)) throw wrong('other characters');
    if (token === this.expired) throw new HeraldError('closed', 'token: expired, and there is no newer one');
    return token;
  }

  async #ask(): Promise<unknown> {
    if (typeof this.#source === 'string') return this.#source;
    try {
      return await within(this.#world, this.#world.timing.connectTimeoutMs, this.#source());
    } catch (cause) {
      throw new HeraldError('token', 'token: the function failed', cause);
    }
  }
}

const wrong = (found: string) => new HeraldError('token', `token: expected a JWT, got ${found}`);

/** The user of a JWT. Undefined for what is none. */
export function subjectOf(token: string): string | undefined {
  try {
    const { sub } = JSON.parse(atob(String(token.split('.')[1]).replaceAll('-', '+').replaceAll('_', '/')));
    return typeof sub === 'string' ? sub : undefined;
  } catch {
    return undefined;
  }
}

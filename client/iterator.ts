/**
 * The messages as an async iterator. Its back-pressure is the dispatcher's: a message is finished
 * when the next is asked for.
 */
import type { Dispatcher } from './dispatcher.ts';
import type { Message } from './types.ts';

/** How the messages ended: without an error when the app closed them. */
export interface Ending {
  error: Error | undefined;
}

type Result = IteratorResult<Message, undefined>;

const DONE: Result = { value: undefined, done: true };

/**
 * Takes part from the first `next()` on. A message whose loop is left, by `break` or an error, is
 * finished too. (A generator would not do: its `return()` waits for the `next()` before it, and
 * takes its message.)
 */
export class MessageIterator implements AsyncIterableIterator<Message> {
  readonly #dispatcher: Dispatcher;
  readonly #left: () => void;
  #ending: Ending | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #leave: (() => void) | undefined;
  #finish: () => void = () => {};
  #arrive: (message?: Message) => void = () => {};

  /** `left`: is told when the loop was left. */
  constructor(dispatcher: Dispatcher, left: () => void) {
    this.#dispatcher = dispatcher;
    this.#left = left;
  }

  /** Ends the messages: the `next()` that waits says so, else the next call of it. */
  end(ending: Ending): void {
    this.#ending ??= ending;
    this.#arrive();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** A call waits until the call before it is answered. */
  next(): Promise<Result> {
    const result = this.#turn.then(() => this.#next());
    this.#turn = result.catch(() => {});
    return result;
  }

  async return(): Promise<Result> {
    this.#ending = { error: undefined };
    this.#finish();
    this.#leave?.();
    this.#arrive();
    this.#left();
    return DONE;
  }

  async #next(): Promise<Result> {
    const message = await this.#take();
    if (message) return { value: message, done: false };
    const error = this.#ending?.error;
    await this.return();
    if (error) throw error;
    return DONE;
  }

  #take(): Promise<Message | undefined> {
    return new Promise((resolve) => {
      this.#arrive = resolve;
      this.#finish();
      if (this.#ending) resolve(undefined);
      else this.#leave ??= this.#dispatcher.add((message) => this.#hand(message));
    });
  }

  #hand(message: Message): Promise<void> {
    return new Promise((resolve) => {
      this.#finish = resolve;
      this.#arrive(message);
    });
  }
}

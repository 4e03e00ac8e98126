/**
 * Who listens to one channel in this tab: handlers, iterators and listeners. It outlives
 * connections and users; the channel does not.
 */
import type { Channel } from './channel.ts';
import { Dispatcher } from './dispatcher.ts';
import { Emitter } from './emitter.ts';
import type { World } from './environment.ts';
import { type Ending, MessageIterator } from './iterator.ts';
import type { HeraldError, Message } from './types.ts';

export class Audience {
  readonly dispatcher: Dispatcher;
  readonly emit: Emitter['emit'];
  /** Who uses it: while somebody does, the channel is subscribed to. */
  readonly users = new Set<object>();
  /** The server refused to subscribe. It is not asked again before somebody new listens. */
  isRefused = false;
  readonly #emitter: Emitter;
  readonly #iterators = new Set<MessageIterator>();
  #ending: Ending | undefined;

  /** `unheard`: gets the errors that nobody listens to. */
  constructor(world: World, channel: () => Channel | undefined, unheard?: (error: HeraldError) => void) {
    this.#emitter = new Emitter(world.report, unheard);
    this.emit = (name, event) => this.#emitter.emit(name, event);
    this.dispatcher = new Dispatcher(world, channel, (error) => this.emit('error', error));
  }

  /** Returns how to stop listening. */
  on(name: string, listener: (event: never) => unknown): () => void {
    return name === 'message'
      ? this.dispatcher.add(listener as (message: Message) => unknown)
      : this.#emitter.add(name, listener);
  }

  messages(): MessageIterator {
    const iterator = new MessageIterator(this.dispatcher, () => this.#iterators.delete(iterator));
    this.#iterators.add(iterator);
    if (this.#ending) iterator.end(this.#ending);
    return iterator;
  }

  /** The server refused the channel: iterators end with the error, handlers stay. */
  refuse(error: HeraldError): void {
    this.isRefused = true;
    this.emit('error', error);
    for (const iterator of this.#iterators) iterator.end({ error });
  }

  /** Nothing comes any more. */
  end(ending: Ending): void {
    this.#ending = ending;
    for (const iterator of this.#iterators) iterator.end(ending);
  }
}

/**
 * Who listens to one channel in this tab: handlers, iterators and listeners. It outlives
 * connections and users; the channel does not.
 */
import type { Channel } from './channel.ts';
import { Dispatcher, type DispatcherHost } from './dispatcher.ts';
import type { World } from './environment.ts';
import { type Ending, MessageIterator } from './iterator.ts';
import { checkListener } from './option-checks.ts';
import type { AnyTypes, Events, HeraldError, Listener, Message, Position, Topic } from './types.ts';

/** What an audience needs of its client. */
export interface AudienceHost {
  /** Undefined while this tab does not hear the channel. */
  heard(audience: Audience): Channel | undefined;
  /** Somebody listens: the channel is to be heard from now on. */
  use(audience: Audience): void;
  /** Nobody does any more. */
  leave(audience: Audience): void;
  /** An error that nobody listens to. */
  unheard(error: HeraldError, audience: Audience): void;
}

/** The dispatcher hands out the messages, one by one; listeners are told the rest. */
type Told = Omit<Events, 'message'>;

export class Audience implements Topic, DispatcherHost {
  readonly channel: string;
  readonly dispatcher: Dispatcher;
  /** The channel is to be heard. */
  isUsed = false;
  readonly #world: World;
  readonly #host: AudienceHost;
  readonly #listeners = new Map<string, Set<(event: never) => unknown>>();
  readonly #iterators = new Set<MessageIterator>();
  #ending: Ending | undefined;

  constructor(channel: string, world: World, host: AudienceHost) {
    this.channel = channel;
    this.#world = world;
    this.#host = host;
    this.dispatcher = new Dispatcher(world, this);
  }

  on<Name extends keyof Events>(name: Name, listener: Listener<AnyTypes, Name>): () => void {
    checkListener(listener);
    this.#host.use(this);
    if (name === 'message') return this.dispatcher.add(listener as (message: Message) => unknown);
    const listeners = this.#listenersOf(name).add(listener);
    return () => void listeners.delete(listener);
  }

  messages(): AsyncIterableIterator<Message> {
    this.#host.use(this);
    const iterator = new MessageIterator(this.dispatcher, () => this.#iterators.delete(iterator));
    this.#iterators.add(iterator);
    if (this.#ending) iterator.end(this.#ending);
    return iterator;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Message> {
    return this.messages();
  }

  get heard(): Channel | undefined {
    return this.#host.heard(this);
  }

  get cursor(): Position | undefined {
    return this.heard?.finished;
  }

  close(): void {
    this.dispatcher.clear();
    this.#listeners.clear();
    for (const iterator of this.#iterators) void iterator.return();
    this.#host.leave(this);
  }

  /** A listener that fails harms neither the others nor us. */
  emit<Name extends keyof Told>(name: Name, event: Told[Name]): void {
    const listeners = this.#listenersOf(name);
    if (name === 'error' && listeners.size === 0) this.#host.unheard(event as HeraldError, this);
    for (const listener of listeners) {
      Promise.resolve(event as never)
        .then(listener)
        .catch(this.#world.report);
    }
  }

  /** The server refused the channel: iterators end with the error, handlers stay. */
  refuse(error: HeraldError): void {
    this.isUsed = false;
    this.emit('error', error);
    for (const iterator of this.#iterators) iterator.end({ error });
  }

  /** Nothing comes any more. */
  end(ending: Ending): void {
    this.#ending = ending;
    for (const iterator of this.#iterators) iterator.end(ending);
  }

  #listenersOf(name: string): Set<(event: never) => unknown> {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    return listeners;
  }
}

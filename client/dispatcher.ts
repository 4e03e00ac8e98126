/**
 * Hands the messages of a channel to its consumers, one at a time: the next comes when all
 * consumers have finished.
 */
import type { Channel } from './channel.ts';
import type { World } from './environment.ts';
import { jitter } from './timing.ts';
import { HeraldError, type Message } from './types.ts';

export type Consumer = (message: Message) => unknown;

/** What a dispatcher needs of its audience. */
export interface DispatcherHost {
  /** Undefined while there is no channel. Another user's replaces it. */
  readonly heard: Channel | undefined;
  emit(name: 'error', error: HeraldError): void;
}

export class Dispatcher {
  readonly #world: World;
  readonly #host: DispatcherHost;
  readonly #consumers = new Set<Consumer>();
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(world: World, host: DispatcherHost) {
    this.#world = world;
    this.#host = host;
  }

  get isHeard(): boolean {
    return this.#consumers.size > 0;
  }

  /** Returns how to leave. */
  add(consumer: Consumer): () => void {
    this.#consumers.add(consumer);
    this.wake();
    return () => void this.#consumers.delete(consumer);
  }

  /** All leave. */
  clear(): void {
    this.#consumers.clear();
  }

  /** There may be something to hand out. */
  wake(): void {
    if (!this.#running && this.#next()) this.#running = this.#run();
  }

  /** Hands out no more. Resolves when the message under way is finished. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  /** The channel if it has a message, as long as there is somebody to hand it to. */
  #next(): Channel | undefined {
    const { heard: channel } = this.#host;
    return !this.#isStopped && this.isHeard && channel?.next() ? channel : undefined;
  }

  async #run(): Promise<void> {
    for (let channel = this.#next(); channel; channel = this.#next()) {
      const message = channel.next() as Message;
      const hands = [...this.#consumers].map((consumer) => this.#hand(consumer, message));
      if ((await Promise.all(hands)).includes(true)) channel.finish(message);
    }
    this.#running = undefined;
  }

  /**
   * Calls the consumer, and again after a failure. True: the consumer succeeded, or failed at its
   * last try. False: between two tries it was removed, or the client closed.
   */
  async #hand(consumer: Consumer, message: Message): Promise<boolean> {
    const { handlerTries } = this.#world.timing;
    for (let attempt = 0; ; attempt++) {
      try {
        await consumer(message);
        return true;
      } catch (error) {
        if (attempt + 1 >= handlerTries) {
          const text = `seq ${message.seq} passed over`;
          this.#host.emit('error', new HeraldError('handler', text, error, message));
          return true;
        }
      }
      await new Promise<void>((resolve) => this.#world.after(jitter(this.#world, attempt), resolve));
      if (this.#isStopped || !this.#consumers.has(consumer)) return false;
    }
  }
}

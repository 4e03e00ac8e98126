/** Hands the messages to their consumers, one at a time: the next comes when all have finished with this one. */
import type { World } from './environment.ts';
import type { Inbox } from './inbox.ts';
import { jitter } from './timer.ts';
import { HeraldError, type Message } from './types.ts';

export type Consumer = (message: Message) => unknown;

export interface DispatcherEvents {
  finished(): void;
  error(error: HeraldError): void;
}

export class Dispatcher {
  readonly #world: World;
  readonly #inbox: () => Inbox;
  readonly #events: DispatcherEvents;
  readonly #consumers = new Set<Consumer>();
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(world: World, inbox: () => Inbox, events: DispatcherEvents) {
    this.#world = world;
    this.#inbox = inbox;
    this.#events = events;
  }

  /** Returns how to leave. */
  add(consumer: Consumer): () => void {
    this.#consumers.add(consumer);
    this.wake();
    return () => void this.#consumers.delete(consumer);
  }

  /** There may be something to hand out. */
  wake(): void {
    if (!this.#running && this.#next()) this.#running = this.#run();
  }

  /** No new message from here on. Resolves when the one under way is finished. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  #next(): Message | undefined {
    return this.#isStopped || this.#consumers.size === 0 ? undefined : this.#inbox().next();
  }

  async #run(): Promise<void> {
    for (let message = this.#next(); message; message = this.#next()) {
      const current = message;
      const inbox = this.#inbox();
      const hands = [...this.#consumers].map((consumer) => this.#hand(consumer, current));
      if (!(await Promise.all(hands)).includes(true)) continue;
      inbox.finish(current);
      this.#events.finished();
    }
    this.#running = undefined;
  }

  /** True when the consumer has finished with the message or failed for good; false when it, or we, left it failing. */
  async #hand(consumer: Consumer, message: Message): Promise<boolean> {
    const { handlerTries } = this.#world.timing;
    for (let attempt = 0; ; attempt++) {
      try {
        await consumer(message);
        return true;
      } catch (error) {
        if (attempt + 1 >= handlerTries) {
          const text = `seq ${message.seq} passed over`;
          this.#events.error(new HeraldError('handler', text, error, message));
          return true;
        }
      }
      await new Promise<void>((resolve) => this.#world.after(jitter(this.#world, attempt), resolve));
      if (this.#isStopped || !this.#consumers.has(consumer)) return false;
    }
  }
}

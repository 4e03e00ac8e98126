/** What an application holds of a channel that is not its user's own. */
import type { Audience } from './audience.ts';
import type { AnyTypes, Listener, Message, Position, Topic, TopicEvents } from './types.ts';

/** What a topic needs of its client. */
export interface TopicHost {
  /** Somebody listens: the channel is subscribed to from now on. */
  use(user: object): void;
  leave(user: object): void;
  cursor(): Position | undefined;
}

/** Each is closed by itself: parts of an application need not know of each other. */
export class TopicHandle implements Topic {
  readonly channel: string;
  readonly #audience: Audience;
  readonly #host: TopicHost;
  readonly #leaves = new Set<() => unknown>();

  constructor(channel: string, audience: Audience, host: TopicHost) {
    this.channel = channel;
    this.#audience = audience;
    this.#host = host;
  }

  on<Name extends keyof TopicEvents>(name: Name, listener: Listener<AnyTypes, Name>): () => void {
    const stop = this.#audience.on(name, listener as (event: never) => unknown);
    return this.#use(stop);
  }

  messages(): AsyncIterableIterator<Message> {
    const iterator = this.#audience.messages();
    this.#use(() => iterator.return());
    return iterator;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Message> {
    return this.messages();
  }

  get cursor(): Position | undefined {
    return this.#host.cursor();
  }

  close(): void {
    for (const leave of this.#leaves) leave();
    this.#leaves.clear();
    this.#host.leave(this);
  }

  #use<Leave extends () => unknown>(leave: Leave): Leave {
    this.#leaves.add(leave);
    this.#host.use(this);
    return leave;
  }
}

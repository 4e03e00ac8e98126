/** A log as this page knows it: how far it goes, who caused what, and when this page sent it. */
import { type Channel as Parsed, parseChannel } from '../../../lambdas/protocol/channel.ts';
import { title } from './names.ts';
import { Refusal, request } from './requests.ts';

/** As the stack answers it: who was served before the answer, and about how many the fan-out still has to serve. */
export interface Result {
  seq: number;
  connections: number;
  sent: number;
  excluded: number;
  gone: number;
  deferred: number;
  queued: number;
}

/** What is typed to be sent. */
export interface Draft {
  type: string;
  /** A text, or the data itself as a JSON object. */
  text: string;
}

/** The device that causes a message and is not told of it. */
export interface Origin {
  userId: string;
  id: string;
}

export interface Publication {
  channel: Channel;
  fromDevice: string;
  text: string;
  answeredMs: number;
  result: Result;
}

export class Channel {
  /** As on the wire, such as `topic:news`. */
  readonly name: string;
  head = 0;
  /** The newest message this page sent to it. */
  lastSentId: string | undefined;
  readonly #parsed: Parsed;
  readonly #sentAt = new Map<string, number>();
  readonly #origins = new Map<number, string>();

  constructor(name: string) {
    const parsed = parseChannel(name);
    if (!parsed) throw new Error(`${name} is no channel`);
    this.name = name;
    this.#parsed = parsed;
  }

  get kind(): Parsed['kind'] {
    return this.#parsed.kind;
  }

  /** For who looks at the page: `Alice`, `news`, `everyone`. */
  get title(): string {
    if (this.#parsed.kind === 'user') return title(this.#parsed.owner);
    return this.#parsed.kind === 'topic' ? this.#parsed.topic : this.name;
  }

  reach(seq: number): void {
    this.head = Math.max(this.head, seq);
  }

  restart(): void {
    this.head = 0;
    this.#origins.clear();
  }

  originOf(seq: number): string | undefined {
    return this.#origins.get(seq);
  }

  /** Undefined: it was not sent from this page. */
  sinceSent(id: string): number | undefined {
    const sentAt = this.#sentAt.get(id);
    return sentAt === undefined ? undefined : performance.now() - sentAt;
  }

  /** To every device that hears the channel but the one it comes from. */
  async publish({ type, text }: Draft, from: Origin): Promise<Publication> {
    const id = crypto.randomUUID();
    const startedAt = performance.now();
    this.#sentAt.set(id, startedAt);
    this.lastSentId = id;
    const answer = await request<{ results?: [Result & { error?: { message: string } }] }>('/notifications', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...this.#originHeaders(from) },
      body: JSON.stringify({ to: this.#recipients, type, data: dataOf(text), id }),
    });
    const answeredMs = performance.now() - startedAt;
    const [result] = answer.results ?? [];
    if (!result || result.error) throw new Refusal(result?.error?.message ?? 'The stack stored nothing');
    this.#origins.set(result.seq, from.id);
    this.reach(result.seq);
    return { channel: this, fromDevice: from.id, text, answeredMs, result };
  }

  /** Device ids are a user's own: beyond the user's channel the user has to be named too. */
  #originHeaders({ userId, id }: Origin): Record<string, string> {
    return { 'x-device-id': id, ...(this.kind !== 'user' && { 'x-user-id': userId }) };
  }

  get #recipients(): unknown {
    if (this.#parsed.kind === 'user') return { user: this.#parsed.owner };
    return this.#parsed.kind === 'topic' ? { topic: this.#parsed.topic } : { everyone: true };
  }
}

/** The channels that the page knows, each of them once. */
export class Channels {
  readonly #byName = new Map<string, Channel>();

  named(name: string): Channel {
    const channel = this.#byName.get(name) ?? new Channel(name);
    this.#byName.set(name, channel);
    return channel;
  }
}

function dataOf(text: string): unknown {
  try {
    const data: unknown = JSON.parse(text);
    if (typeof data === 'object' && data !== null) return data;
  } catch {
    // then it is a text
  }
  return { text };
}

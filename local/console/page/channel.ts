/** A user's log as this page knows it: how far it goes, who caused what, and when this page sent it. */

import { Refusal, request } from './requests.ts';

export interface Result {
  seq: number;
  connections: number;
  sent: number;
  excluded: number;
  gone: number;
  deferred: number;
}

/** What is typed to be sent. */
export interface Draft {
  type: string;
  /** A text, or the data itself as a JSON object. */
  text: string;
}

export interface Publication {
  userId: string;
  fromDevice: string;
  text: string;
  answeredMs: number;
  result: Result;
}

export class Channel {
  readonly userId: string;
  head = 0;
  /** The newest message this page sent to it. */
  lastSentId: string | undefined;
  readonly #sentAt = new Map<string, number>();
  readonly #origins = new Map<number, string>();

  constructor(userId: string) {
    this.userId = userId;
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

  /** To every device of the user but the one it comes from. */
  async publish({ type, text }: Draft, fromDevice: string): Promise<Publication> {
    const { userId } = this;
    const id = crypto.randomUUID();
    const startedAt = performance.now();
    this.#sentAt.set(id, startedAt);
    this.lastSentId = id;
    const answer = await request<{ results?: [Result & { error?: { message: string } }] }>('/notifications', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-device-id': fromDevice },
      body: JSON.stringify({ to: { user: userId }, type, data: dataOf(text), id }),
    });
    const answeredMs = performance.now() - startedAt;
    const [result] = answer.results ?? [];
    if (!result || result.error) throw new Refusal(result?.error?.message ?? 'The stack stored nothing');
    this.#origins.set(result.seq, fromDevice);
    this.reach(result.seq);
    return { userId, fromDevice, text, answeredMs, result };
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

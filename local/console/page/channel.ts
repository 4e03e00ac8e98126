/** A user's log as this page knows it: how far it goes, who caused what, and when this page sent it. */

export interface Result {
  seq: number;
  connections: number;
  sent: number;
  excluded: number;
  gone: number;
  deferred: number;
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
  async publish(text: string, fromDevice: string): Promise<Publication> {
    const { userId } = this;
    const id = crypto.randomUUID();
    const startedAt = performance.now();
    this.#sentAt.set(id, startedAt);
    this.lastSentId = id;
    const response = await fetch('/notifications', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-device-id': fromDevice },
      body: JSON.stringify({ to: { user: userId }, type: 'console.message', data: { text }, id }),
    });
    const answeredMs = performance.now() - startedAt;
    const { results } = (await response.json()) as { results?: [Result & { error?: { message: string } }] };
    const result = results?.[0];
    if (!result || result.error) throw new Error(result?.error?.message ?? `HTTP ${response.status}`);
    this.#origins.set(result.seq, fromDevice);
    this.reach(result.seq);
    return { userId, fromDevice, text, answeredMs, result };
  }
}

/** The stack under test and what a test needs to speak to it. Every test has users of its own. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import type { Published } from '../../lambdas/domain/publish.ts';
import { Client, type ClientOptions } from '../../local/client.ts';
import { type SpawnedStack, spawnStack } from '../../local/spawn.ts';
import { issueToken } from '../../local/token.ts';

export const SECRET = 'a-secret-of-the-end-to-end-tests-alone';

export interface Answer<Body> {
  status: number;
  type: string | null;
  body: Body;
}

export type PublishBody = { id: string; results: Published[] };

export class Target {
  #stack: SpawnedStack | undefined;
  readonly #clients = new Set<Client>();

  /** Starts it before the tests of a file and stops it, and every client, after them. */
  constructor(args: string[] = []) {
    beforeAll(async () => {
      this.#stack = await spawnStack(args, { HERALD_JWT_SECRET: SECRET });
    });
    afterAll(async () => {
      await Promise.all([...this.#clients].map((client) => client.close()));
      await this.#stack?.stop();
    });
  }

  get stack(): SpawnedStack {
    if (!this.#stack) throw new Error('the stack is not up yet');
    return this.#stack;
  }

  get httpUrl(): string {
    return this.stack.httpUrl;
  }

  newUser(name = 'user'): string {
    return `${name}-${randomUUID()}`;
  }

  token(userId: string, expiresInSeconds?: number): string {
    return issueToken(userId, SECRET, expiresInSeconds);
  }

  /** A connection as the server accepts it: nothing waited for but the open socket. */
  async open(userId: string, options: Partial<ClientOptions> = {}): Promise<Client> {
    const client = await Client.open(this.stack.wsUrl, { token: this.token(userId), ...options });
    this.#clients.add(client);
    void client.closed.then(() => this.#clients.delete(client));
    return client;
  }

  /** A connected device that has caught up. */
  async device(userId: string, deviceId: string, options: Partial<ClientOptions> = {}): Promise<Client> {
    return await (await this.open(userId, { deviceId, ...options })).caughtUp();
  }

  async request<Body>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const response = await fetch(`${this.httpUrl}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const answer: Answer<Body> = {
      status: response.status,
      type: response.headers.get('content-type'),
      body: (await response.json()) as Body,
    };
    return answer;
  }

  async post<Body = PublishBody>(
    notification: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<Body>> {
    return await this.request<Body>('POST', '/notifications', notification, headers);
  }

  /** Publishes to one user, which must succeed. */
  async publish(userId: string, data: unknown, options: Record<string, unknown> = {}): Promise<Published> {
    const { status, body } = await this.post({ to: { user: userId }, type: 'test', data, ...options });
    const [result] = body.results ?? [];
    if (status !== 200 || !result) throw new Error(`publish: ${status} ${JSON.stringify(body)}`);
    return result;
  }

  /** Publishes each in turn, or `atOnce` at a time. */
  async publishAll(userId: string, contents: unknown[], atOnce = 1): Promise<Published[]> {
    const results: Published[] = [];
    const remaining = contents.entries();
    const publisher = async () => {
      for (const [index, data] of remaining) results[index] = await this.publish(userId, data);
    };
    await Promise.all(Array.from({ length: atOnce }, publisher));
    return results;
  }
}

export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** The stack under test and what a test needs to speak to it. Every test has users of its own. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, expect } from 'vitest';
import type { Published } from '../../lambdas/domain/publish/publish.ts';
import { userPath } from '../../lambdas/protocol/user-path.ts';
import { Client, type ClientOptions } from '../../local/cli/client.ts';
import { send } from '../../local/cli/signed-request.ts';
import { type SpawnedStack, spawnStack } from '../../local/cli/spawn.ts';
import { ONE_DAY_SECONDS } from '../../local/cli/token.ts';
import { awsClient } from '../../tools/verify/aws.ts';
import { deleteRows } from '../../tools/verify/clean-up.ts';
import { fromEnvironment, localSettings, type TargetSettings } from '../../tools/verify/settings.ts';
import { holdExchange, holdFrame } from './published-schemas.ts';

export const SECRET = 'a-secret-of-the-end-to-end-tests-alone';

export interface Answer<Body> {
  status: number;
  type: string | null;
  body: Body;
}

export type PublishBody = { id: string; results: Published[] };

/** Messages on a stack that others use lapse soon after. */
const RETENTION_SECONDS = 3600;

/** A stack that has scaled to zero, or has a small quota, says "later" now and then: the protocol's retryable answers. */
const LATER = [429, 503];
const LATER_DEADLINE_MS = 15_000;
const LATER_PAUSE_MS = 200;

export class Target {
  /** The one the command line names; undefined: each file starts its own. */
  readonly #given = fromEnvironment();
  #settings = this.#given;
  #stack: SpawnedStack | undefined;
  readonly #clients = new Set<Client>();
  readonly #users = new Set<string>();
  readonly #topics = new Set<string>();
  /** Frames that are not as published. */
  readonly #odd: unknown[] = [];

  /** `args`: of the stack that each file starts. Starts it before the tests of a file and stops it, and every client, after them. */
  constructor(args: string[] = []) {
    beforeAll(async () => {
      if (this.#given) return;
      this.#stack = await spawnStack(args, { HERALD_JWT_SECRET: SECRET });
      this.#settings = await localSettings(this.#stack, SECRET);
    });
    afterAll(async () => {
      expect(this.#odd).toEqual([]);
    });
    afterAll(async () => {
      await Promise.all([...this.#clients].map((client) => client.close()));
      if (this.#given) await this.#forget(this.#given);
      await this.#stack?.stop();
    });
  }

  get settings(): TargetSettings {
    if (!this.#settings) throw new Error('the stack is not up yet');
    return this.#settings;
  }

  /** Whether the stack's event bus, its notify function, or its outbox is known; and what it tells the bus. */
  has(door: 'bus' | 'functionName' | 'outbox' | 'events' | 'stomp'): boolean {
    return !this.#given || this.#given[door] !== undefined;
  }

  /** Many devices: more than one page of a fan-out, where `npm run e2e` asks; fewer at every change. */
  get many(): { count: number; cutOff: number } {
    return this.#given ? { count: 300, cutOff: 30 } : { count: 60, cutOff: 6 };
  }

  get wsUrl(): string {
    return this.settings.wsUrl;
  }

  get httpUrl(): string {
    return this.settings.httpUrl;
  }

  /** For the AWS SDK. */
  get aws() {
    return awsClient(this.settings);
  }

  /** The same, for its client of DynamoDB. */
  get dynamodb() {
    const { dynamodbUrl } = this.settings;
    return { ...this.aws, ...(dynamodbUrl !== undefined && { endpoint: dynamodbUrl }) };
  }

  newUser(name = 'user'): string {
    const user = `e2e-${name}-${randomUUID()}`;
    this.#users.add(user);
    return user;
  }

  newTopic(name = 'topic'): string {
    const topic = `e2e-${name}-${randomUUID()}`;
    this.#topics.add(topic);
    return topic;
  }

  /** A token with permissions. */
  tokenWith(userId: string, herald: { subscribe?: string[]; publish?: string[] }): string {
    return this.sign({ sub: userId, exp: Math.floor(Date.now() / 1000) + ONE_DAY_SECONDS, herald });
  }

  /** As the identity provider would issue it, with other claims and another secret if need be. */
  token(
    userId: string | undefined,
    expiresIn: number | undefined = ONE_DAY_SECONDS,
    secret?: string,
  ): string {
    return this.sign({ sub: userId, exp: Math.floor(Date.now() / 1000) + expiresIn }, secret);
  }

  sign(claims: jwt.JwtPayload, secret = this.settings.jwtSecret, algorithm: jwt.Algorithm = 'HS256'): string {
    const { issuer: iss, audience: aud } = this.settings;
    const complete = Object.entries({ iss, aud, ...claims }).filter(([, value]) => value !== undefined);
    return jwt.sign(Object.fromEntries(complete), secret, { algorithm });
  }

  /** A connection as the server accepts it: nothing waited for but the open socket. */
  async open(userId: string, options: Partial<ClientOptions> = {}): Promise<Client> {
    const client = await Client.open(this.wsUrl, { token: this.token(userId), ...options });
    this.#clients.add(client);
    client.onFrame((frame) => {
      try {
        holdFrame(frame);
      } catch (error) {
        this.#odd.push(error);
      }
    });
    void client.closed.then(() => this.#clients.delete(client));
    return client;
  }

  /** A connected device that has caught up. */
  async device(userId: string, deviceId: string, options: Partial<ClientOptions> = {}): Promise<Client> {
    return await (await this.open(userId, { deviceId, ...options })).caughtUp();
  }

  async request<Body>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const answer = await send({
      method,
      url: new URL(`${this.httpUrl}${path}`),
      headers: { 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const parsed = {
      ...answer,
      body: answer.body === '' ? undefined : JSON.parse(answer.body),
    } as Answer<Body>;
    holdExchange(method, path, body, parsed.status, parsed.body);
    return parsed;
  }

  async post<Body = PublishBody>(
    notification: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<Body>> {
    const isComplete = typeof notification === 'object' && notification !== null;
    const body =
      this.#given && isComplete ? { retentionSeconds: RETENTION_SECONDS, ...notification } : notification;
    return await this.request<Body>('POST', '/notifications', body, headers);
  }

  /** Publishes to one user, which must succeed. */
  async publish(userId: string, data: unknown, options: Record<string, unknown> = {}): Promise<Published> {
    return await this.#published({ to: { user: userId }, type: 'test', data, ...options });
  }

  async #published(notification: Record<string, unknown>): Promise<Published> {
    for (const deadlineAt = Date.now() + LATER_DEADLINE_MS; ; ) {
      const { status, body } = await this.post(notification);
      const [result] = body.results ?? [];
      if (status === 200 && result) return result;
      const isLater = this.#given && LATER.includes(status) && Date.now() < deadlineAt;
      if (!isLater) throw new Error(`publish: ${status} ${JSON.stringify(body)}`);
      await sleep(LATER_PAUSE_MS);
    }
  }

  /** Publishes to a topic or to everyone, which must succeed. */
  async publishTo(
    to: { topic: string } | { everyone: true },
    data: unknown,
    options: Record<string, unknown> = {},
  ): Promise<Published> {
    return await this.#published({ to, type: 'test', data, ...options });
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

  async #leaveAll(topic: string): Promise<void> {
    const remove = [...this.#users].slice(0, 100);
    if (remove.length > 0) await this.request('POST', `/topics/${topic}/members`, { remove });
  }

  /** Leaves a stack that goes on without us as it was: no connection and, where it may, no row. */
  async #forget(settings: TargetSettings): Promise<void> {
    const path = (user: string) => `/users/${userPath(user)}/connections`;
    for (const topic of this.#topics) await this.#leaveAll(topic);
    if (settings.tables) await deleteRows(settings, this.#users, this.#topics);
    else for (const user of this.#users) await this.request('DELETE', path(user));
  }
}

export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

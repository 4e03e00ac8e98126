/** A local stack of its own for a file of tests, and how to publish to it and read what it keeps. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { userPath } from '../../lambdas/protocol/user-path.ts';
import { type SpawnedStack, spawnStack } from '../../local/cli/spawn.ts';
import { DEFAULT_JWT_SECRET, issueToken } from '../../local/cli/token.ts';

export class LocalStack {
  #stack: SpawnedStack | undefined;
  #folder = '';

  /** Starts it before the tests of a file and stops it after them. Keeps its data in a folder, as the guide's command does. */
  constructor() {
    beforeAll(async () => {
      this.#folder = await mkdtemp(join(tmpdir(), 'herald-docs-'));
      this.#stack = await spawnStack(['--data', this.#folder], { HERALD_JWT_SECRET: DEFAULT_JWT_SECRET });
    });
    afterAll(async () => {
      await this.#stack?.stop();
      await rm(this.#folder, { recursive: true, force: true });
    });
  }

  get httpUrl(): string {
    if (!this.#stack) throw new Error('the stack is not up yet');
    return this.#stack.httpUrl;
  }

  get wsUrl(): string {
    return `${this.httpUrl.replace('http:', 'ws:')}/local`;
  }

  /** What the SDKs and the CLI need to find it. */
  get aws(): Record<string, string> {
    return {
      AWS_ENDPOINT_URL: this.httpUrl,
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    };
  }

  token(user: string): string {
    return issueToken(user, DEFAULT_JWT_SECRET);
  }

  async publish(user: string, data: unknown, fromDevice?: string): Promise<void> {
    const response = await fetch(`${this.httpUrl}/notifications`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(fromDevice && { 'x-device-id': fromDevice }) },
      body: JSON.stringify({ to: { user }, type: 'order.shipped', data }),
    });
    if (!response.ok) throw new Error(`publish: ${response.status} ${await response.text()}`);
  }

  /** Throws for an answer that is no 2xx. Undefined: it has no body. */
  async request(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${this.httpUrl}${path}`, {
      method,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  async messages(user: string): Promise<{ id: string; type: string; data: unknown }[]> {
    const response = await fetch(`${this.httpUrl}/users/${userPath(user)}/messages`);
    return ((await response.json()) as { messages: { id: string; type: string; data: unknown }[] }).messages;
  }
}

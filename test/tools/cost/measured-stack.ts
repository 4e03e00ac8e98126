/** A local stack that tells what each thing costs: runs of Lambdas, DynamoDB calls and their units. */
import { afterAll, beforeAll, expect } from 'vitest';
import type { LambdaName } from '../../../lambdas/manifest.ts';
import { Client, type ClientOptions } from '../../../local/cli/client.ts';
import { issueToken } from '../../../local/cli/token.ts';
import { startDynamoDb } from '../../../local/emulator/dynamodb.ts';
import { type Stack, startStack } from '../../../local/stack.ts';
import { UNITS, type Units } from '../../../tools/cost/units.ts';
import { type CountingProxy, startCountingProxy } from './counting-proxy.ts';

const SECRET = 'a secret of this test, long enough for HS256';
const DEADLINE_MS = 45_000;

export const NOTHING: Units = { invocations: {}, frames: 0, calls: {}, readUnits: 0, writeUnits: 0 };

export class MeasuredStack {
  #stack: Stack | undefined;
  #proxy: CountingProxy | undefined;
  #dynamodbUrl = '';
  #invocations: Units['invocations'] = {};
  #invoked = () => {};

  /** For a whole file, which must measure everything it does: what nobody expected fails the measurement that follows. */
  constructor({ streamDelayMs = 0 } = {}) {
    const stops: (() => Promise<void>)[] = [];
    beforeAll(async () => {
      const dynamodb = await startDynamoDb();
      stops.push(dynamodb.stop);
      this.#dynamodbUrl = dynamodb.endpoint;
      this.#proxy = await startCountingProxy(dynamodb.endpoint);
      stops.push(this.#proxy.stop);
      process.env.DYNAMODB_ENDPOINT = this.#proxy.url;
      const options = { port: 0, quiet: true, jwtSecret: SECRET, onInvoked: this.#count };
      // A minute's wait is a tenth of a second.
      this.#stack = await startStack({ ...options, queueSpeed: 600, streamDelayMs });
      stops.push(this.#stack.stop);
    });
    afterAll(async () => {
      delete process.env.DYNAMODB_ENDPOINT;
      for (const stop of stops.reverse()) await stop();
      expect(this.#take(0), 'after the last measurement').toEqual(NOTHING);
    });
  }

  get httpUrl(): string {
    if (!this.#stack) throw new Error('the stack is not up yet');
    return this.#stack.httpUrl;
  }

  /** Of the DynamoDB server itself: what is asked there counts nothing. */
  get dynamodbUrl(): string {
    return this.#dynamodbUrl;
  }

  #count = (name: string): void => {
    const lambda = name as LambdaName;
    this.#invocations[lambda] = (this.#invocations[lambda] ?? 0) + 1;
    this.#invoked();
  };

  #take(frames: number): Units {
    const invocations = this.#invocations;
    this.#invocations = {};
    return { ...NOTHING, invocations, frames, ...this.#proxy?.take() };
  }

  /** What has happened by the time `action` and the runs that `expected` names have ended. `frames`: those the client has. */
  async measure(expected: Units, frames: () => number, action: () => Promise<unknown>): Promise<Units> {
    const before = frames();
    await action();
    await this.#runsEnd(expected.invocations);
    return this.#take(frames() - before);
  }

  async #runsEnd(expected: Units['invocations']): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = () =>
      reject(new Error(`ran ${JSON.stringify(this.#invocations)}, not yet ${JSON.stringify(expected)}`));
    const deadline = setTimeout(fail, DEADLINE_MS);
    const names = Object.keys(expected) as LambdaName[];
    this.#invoked = () => {
      if (names.every((name) => (this.#invocations[name] ?? 0) >= (expected[name] ?? 0))) resolve();
    };
    this.#invoked();
    try {
      await promise;
    } finally {
      clearTimeout(deadline);
    }
  }

  async open(user: string, options: Partial<ClientOptions> = {}): Promise<Client> {
    const wsUrl = this.#stack?.wsUrl ?? '';
    const token = issueToken(user, SECRET);
    return await (await Client.open(wsUrl, { token, deviceId: 'phone', ...options })).caughtUp();
  }

  /** The same, by a `sync` as the socket opens. */
  async openAsking(user: string): Promise<Client> {
    const token = issueToken(user, SECRET);
    const client = await Client.open(this.#stack?.wsUrl ?? '', { token, deviceId: 'phone' });
    client.send({ action: 'sync' });
    return await client.caughtUp();
  }

  /** Connected, and everything that sets off has ended. */
  async connected(user: string, options: Partial<ClientOptions> = {}): Promise<Client> {
    const clients: Client[] = [];
    const connect = async () => clients.push(await this.open(user, options));
    await this.measure(UNITS.connect, () => 0, connect);
    const [client] = clients;
    if (!client) throw new Error('not connected');
    return client;
  }

  async left(client: Client | undefined): Promise<Units> {
    return await this.measure(
      UNITS.disconnect,
      () => 0,
      async () => client?.close(),
    );
  }

  /** Connects and leaves, so that the device is known and the channel open. */
  async acquaint(user: string): Promise<void> {
    await this.left(await this.connected(user));
  }
}

/** The units of several things that happen together. */
export function sum(...all: Units[]): Units {
  const total = (counts: Record<string, number>[]) => {
    const names = new Set(counts.flatMap((one) => Object.keys(one)));
    return Object.fromEntries(
      [...names].map((name) => [name, counts.reduce((sum, one) => sum + (one[name] ?? 0), 0)]),
    );
  };
  const of = (name: 'frames' | 'readUnits' | 'writeUnits') =>
    all.reduce((sum, units) => sum + units[name], 0);
  return {
    invocations: total(all.map(({ invocations }) => invocations)),
    frames: of('frames'),
    calls: total(all.map(({ calls }) => calls)),
    readUnits: of('readUnits'),
    writeUnits: of('writeUnits'),
  };
}

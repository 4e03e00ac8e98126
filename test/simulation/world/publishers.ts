/** The services that publish, by each door, and retry as such services do; and the operators who look at users. */

import { parseChannel } from '../../../lambdas/protocol/channel.ts';
import type { ServerFrame } from '../../../lambdas/protocol/frames.ts';
import { allows } from '../../../lambdas/protocol/permissions.ts';
import { userPath } from '../../../lambdas/protocol/user-path.ts';
import { CLOCK_TOLERANCE_MS, KEY_KEPT_MS, type Origin } from '../checks/ledger.ts';
import type { DeviceSpec } from './device.ts';
import type { Outcome } from './invocation.ts';
import type { World } from './world.ts';

export interface Publish {
  number: number;
  /** `frame`: a client publishes on its connection. */
  door: 'http' | 'bus' | 'invoke' | 'frame';
  /** Undefined: the publisher gives none, and does not retry over HTTPS. */
  key: string | undefined;
  /** Users' own channels, or one other, by their names. */
  channels: string[];
  /** Undefined: nobody in particular. By a frame only its tab counts. */
  origin: Origin | undefined;
  /** Which device of the plan publishes. By a frame only. */
  device?: number;
  collapseKey?: string | undefined;
  /** Undefined: the default of seven days. */
  retentionSeconds: number | undefined;
  bytes: number;
}

interface Result {
  channel: string;
  seq?: number;
  duplicate?: boolean;
  error?: { code: string; retryable: boolean };
}

const DEFAULT_RETENTION_SECONDS = 7 * 24 * 3600;
const HTTP_TRIES = 6;
const FRAME_TRIES = 10;
const ASYNC_RETRY_MS = [60_000, 120_000];

export class Publishers {
  /** Events and invocations that failed for good; the operator sends them again. */
  readonly deadLetters: { publish: Publish; event: unknown; requestId: string }[] = [];
  readonly #publishes = new Map<number, Publish>();
  readonly #begunAt = new Map<number, number>();
  readonly #firstAt = new Map<number, number>();
  /** The seq each publish was answered with, by user. */
  readonly #answers = new Map<string, { channel: string; seq: number; publish: Publish }>();
  #frames = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  retentionOf(publish: number): number {
    return this.#publishes.get(publish)?.retentionSeconds ?? DEFAULT_RETENTION_SECONDS;
  }

  /** When the first request was sent. */
  begunAt(publish: number): number {
    return this.#firstAt.get(publish) ?? 0;
  }

  /** Who is not told, as the publisher meant it. */
  originIn(publish: number, channel: string): Origin | undefined {
    const asked = this.#publishes.get(publish);
    if (asked?.door !== 'frame') return asked?.origin;
    const { userId, deviceId } = this.#senderOf(asked);
    if (deviceId === undefined) return undefined;
    const tab = asked.origin?.tab;
    if (!channel.startsWith('user:')) return { userId, deviceId, tab };
    return channel === `user:${userId}` ? { deviceId, tab } : undefined;
  }

  /** Whether it came by a frame that the token of its sender does not allow. */
  isForbidden(publish: number): boolean {
    const asked = this.#publishes.get(publish);
    if (asked?.door !== 'frame') return false;
    const { permissions } = this.#senderOf(asked);
    return asked.channels.some((name) => {
      const channel = parseChannel(name);
      return channel === undefined || !allows(permissions.publish, channel);
    });
  }

  #senderOf({ device = 0 }: Publish): DeviceSpec {
    return this.#world.plan.devices[device] as DeviceSpec;
  }

  get answers() {
    return this.#answers.values();
  }

  forgetAnswers(): void {
    this.#answers.clear();
  }

  async publish(publish: Publish): Promise<void> {
    this.#publishes.set(publish.number, publish);
    this.#begunAt.set(publish.number, this.#world.scheduler.now);
    if (!this.#firstAt.has(publish.number)) this.#firstAt.set(publish.number, this.#world.scheduler.now);
    const { door } = publish;
    if (door === 'http') return await this.#overHttp(publish);
    if (door === 'frame') return await this.#byFrame(publish);
    const body = bodyOf(publish);
    const requestId = `request-${publish.number}`;
    const event =
      door === 'bus' ? { id: `event-${publish.number}`, 'detail-type': 'Notification', detail: body } : body;
    await this.#invokeAsynchronously(publish, event, requestId);
  }

  /** What failed for good is sent again by hand. */
  async redrive(): Promise<void> {
    const letters = this.deadLetters.splice(0);
    for (const { publish } of letters) this.#begunAt.set(publish.number, this.#world.scheduler.now);
    await Promise.all(
      letters.map(({ publish, event, requestId }) => this.#invokeAsynchronously(publish, event, requestId)),
    );
  }

  async #overHttp(publish: Publish): Promise<void> {
    const { lambdas, scheduler, random } = this.#world;
    const event = { requestContext: { http: {} }, headers: {}, body: JSON.stringify(bodyOf(publish)) };
    for (let attempt = 0; attempt < HTTP_TRIES; attempt++) {
      const outcome = await lambdas.invoke('notify', event);
      if (this.#heard(publish, outcome) || publish.key === undefined) return;
      await scheduler.sleep(random.logarithmic(100, 5000));
    }
  }

  async #byFrame(publish: Publish): Promise<void> {
    const { devices, scheduler, random } = this.#world;
    const device = devices[publish.device ?? 0];
    for (let attempt = 0; attempt < FRAME_TRIES; attempt++) {
      const frame = { action: 'publish', ...frameOf(publish) };
      const answer = await device?.ask(frame, `publish ${publish.number} ${++this.#frames}`);
      if (answer && this.#heardFrame(publish, answer)) return;
      if (publish.key === undefined) return;
      await scheduler.sleep(random.logarithmic(500, 5000));
    }
  }

  /** Whether the answer is final. */
  #heardFrame(publish: Publish, answer: ServerFrame): boolean {
    const { violated } = this.#world.judge;
    const isForbidden = this.isForbidden(publish.number);
    if (answer.event === 'published') {
      for (const result of answer.results) this.#judge(publish, result);
      if (isForbidden)
        violated('nobody publishes what the token does not allow', `publish ${publish.number}`);
      return !answer.results.some((result) => 'error' in result && result.error.retryable);
    }
    if (answer.event !== 'error') return false;
    const isFinal = ['forbidden', 'bad_frame', 'too_large', 'idempotency_conflict'].includes(answer.code);
    if (isFinal && answer.code !== 'idempotency_conflict' && !isForbidden)
      violated('a correct request is accepted', `publish ${publish.number}: ${answer.message}`);
    return isFinal;
  }

  /** Whether the answer is final. */
  #heard(publish: Publish, outcome: Outcome): boolean {
    if (outcome.kind !== 'returned') return false;
    const { statusCode, body } = outcome.value as { statusCode: number; body: string };
    const answer = JSON.parse(body) as { results?: Result[]; status?: number };
    const results = answer.results ?? [];
    for (const result of results) this.#judge(publish, result);
    if (statusCode === 400 || statusCode === 413) {
      this.#world.judge.violated('a correct request is accepted', `publish ${publish.number}: ${body}`);
    }
    return statusCode === 409 || (statusCode === 200 && !results.some(({ error }) => error?.retryable));
  }

  #judge(publish: Publish, { channel, seq, error }: Result): void {
    const { ledger, violated } = this.#world.judge;
    if (error?.code === 'idempotency_conflict' && !this.#hasRival(publish, channel)) {
      violated(
        'a key conflicts only with another payload',
        `${channel}: publish ${publish.number}, key ${publish.key}`,
      );
    }
    if (seq === undefined) return;
    const entry = ledger.entry(channel, seq);
    if (entry?.publish !== publish.number) {
      const stored = entry === undefined ? 'nothing' : `publish ${entry.publish}`;
      violated(
        'what was answered is stored',
        `${channel}: publish ${publish.number} was answered seq ${seq}, which holds ${stored}`,
      );
    }
    const key = `${publish.number} ${channel}`;
    const earlier = this.#answers.get(key);
    if (earlier && earlier.seq !== seq) {
      violated(
        'a seq never changes',
        `${channel}: publish ${publish.number} was seq ${earlier.seq}, then ${seq}`,
      );
    }
    this.#answers.set(key, { channel, seq, publish });
  }

  /** Whether another publish may hold the key. */
  #hasRival({ number, key }: Publish, channel: string): boolean {
    const { scheduler, judge } = this.#world;
    const since = scheduler.now - KEY_KEPT_MS - CLOCK_TOLERANCE_MS;
    return [...this.#publishes.values()].some((other) => {
      if (other.number === number || other.key !== key) return false;
      const stored = judge.ledger.holders(channel, other.number);
      return (this.#begunAt.get(other.number) ?? 0) > since || stored.some(({ sentAt }) => sentAt > since);
    });
  }

  async #invokeAsynchronously(publish: Publish, event: unknown, requestId: string): Promise<void> {
    const { lambdas, scheduler, faults } = this.#world;
    if (faults.strikes('Lambda', 'invoked twice')) {
      lambdas.invoke('notify', event, requestId).catch(this.#world.failed);
    }
    for (const delayMs of [0, ...ASYNC_RETRY_MS]) {
      await scheduler.sleep(delayMs);
      const outcome = await lambdas.invoke('notify', event, requestId);
      if (outcome.kind === 'returned') {
        const { results = [] } = (outcome.value ?? {}) as { results?: Result[] };
        for (const result of results) this.#judge(publish, result);
        return;
      }
    }
    this.deadLetters.push({ publish, event, requestId });
  }

  async revoke(userId: string, deviceId: string | undefined): Promise<void> {
    await this.#askUsers(
      'DELETE /users/{userId}/connections',
      userId,
      deviceId === undefined ? {} : { deviceId },
    );
  }

  /** What the history says is what is stored, and nothing that must be there is missing. */
  async readHistory(userId: string): Promise<void> {
    const answer = await this.#askUsers('GET /users/{userId}/messages', userId, {
      after: '0',
      limit: '1000',
    });
    if (answer) this.checkHistory(`user:${userId}`, answer);
  }

  checkHistory(channel: string, answer: unknown): void {
    const { ledger, violated } = this.#world.judge;
    const { messages, through } = answer as { messages: { seq: number; id: string }[]; through: number };
    const told = new Map(messages.map(({ seq, id }) => [seq, id]));
    for (let seq = 1; seq <= through; seq++) {
      const entry = ledger.entry(channel, seq);
      const isGone =
        entry && (ledger.hasExpired(entry) || entry.withdrawnAt !== undefined || entry.withdraws);
      if (isGone ? !told.has(seq) || told.get(seq) === entry.id : told.get(seq) === entry?.id) continue;
      violated(
        'the history is complete',
        `${channel}: seq ${seq} is ${told.get(seq)}, stored as ${entry?.id}`,
      );
    }
  }

  async askPresence(userId: string): Promise<void> {
    await this.#askUsers('GET /users/{userId}/connections', userId, {});
  }

  async #askUsers(routeKey: string, userId: string, query: Record<string, string>): Promise<unknown> {
    const event = {
      routeKey,
      headers: {},
      pathParameters: { userId: userPath(userId) },
      queryStringParameters: query,
    };
    const outcome = await this.#world.lambdas.invoke('users', event);
    if (outcome.kind !== 'returned') return undefined;
    const { statusCode, body } = outcome.value as { statusCode: number; body: string };
    return statusCode === 200 ? JSON.parse(body) : undefined;
  }
}

/** What every door takes. */
const fieldsOf = ({ number, key, channels, retentionSeconds, collapseKey, bytes }: Publish) => ({
  to: recipients(channels),
  type: 'simulated',
  data: { publish: number, pad: 'x'.repeat(bytes) },
  ...(key !== undefined && { id: key }),
  ...(collapseKey !== undefined && { collapseKey }),
  ...(retentionSeconds !== undefined && { retentionSeconds }),
});

function recipients(channels: string[]): object {
  const [first = ''] = channels;
  if (first === 'everyone') return { everyone: true };
  if (first.startsWith('topic:')) return { topic: first.slice('topic:'.length) };
  return { users: channels.map((channel) => channel.slice('user:'.length)) };
}

function bodyOf(publish: Publish) {
  const { userId, deviceId, tab } = publish.origin ?? {};
  const device = tab === undefined ? deviceId : `${deviceId}/${tab}`;
  return {
    ...fieldsOf(publish),
    ...(userId !== undefined && { excludeUserId: userId }),
    ...(device !== undefined && { excludeDeviceId: device }),
  };
}

const frameOf = (publish: Publish) => ({
  ...fieldsOf(publish),
  ...(publish.origin?.tab !== undefined && { tab: publish.origin.tab }),
});

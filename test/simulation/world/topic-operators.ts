/** The services that keep the members of topics, and retry as such services do; and those who look at topics. */
import { userPath } from '../../../lambdas/protocol/user-path.ts';
import type { World } from './world.ts';

const TRIES = 6;
const MEMBER = '/topics/{topic}/members/{userId}';

interface Request {
  routeKey: string;
  path: Record<string, string>;
  query?: Record<string, string>;
  body?: object;
}

interface Answer {
  statusCode: number;
  body: string;
}

interface Change {
  userId: string;
  added?: true;
  removed?: true;
}

export class TopicOperators {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async join(topic: string, userId: string): Promise<void> {
    const request = { routeKey: `PUT ${MEMBER}`, path: { topic, userId: userPath(userId) } };
    await this.#untilDone(request, ({ statusCode }) => {
      if (statusCode === 200) this.#world.judge.members.joinAnswered(topic, userId);
    });
  }

  async leave(topic: string, userId: string): Promise<void> {
    const request = { routeKey: `DELETE ${MEMBER}`, path: { topic, userId: userPath(userId) } };
    await this.#untilDone(request, ({ statusCode }, askedAt) => {
      if (statusCode === 204) this.#world.judge.members.removalAnswered(topic, userId, askedAt);
    });
  }

  /** Several users in one request. */
  async change(topic: string, add: string[], remove: string[]): Promise<void> {
    const request = { routeKey: 'POST /topics/{topic}/members', path: { topic }, body: { add, remove } };
    await this.#untilDone(request, ({ statusCode, body }, askedAt) => {
      if (statusCode !== 200) return;
      const { members } = this.#world.judge;
      for (const { userId, added, removed } of (JSON.parse(body) as { results: Change[] }).results) {
        if (added) members.joinAnswered(topic, userId);
        if (removed) members.removalAnswered(topic, userId, askedAt);
      }
    });
  }

  /** Listed are those who hear it, all of them while nobody comes or goes. */
  async look(topic: string): Promise<void> {
    for (const routeKey of ['GET /topics/{topic}/members', 'GET /topics/{topic}/connections'])
      await this.#ask({ routeKey, path: { topic }, query: { limit: '2' } });
  }

  async readHistory(channel: string): Promise<void> {
    const topic = channel.slice('topic:'.length);
    const routeKey = channel === 'everyone' ? 'GET /everyone/messages' : 'GET /topics/{topic}/messages';
    const query = { after: '0', limit: '1000' };
    const answer = await this.#ask({ routeKey, path: { topic }, query });
    if (answer?.statusCode === 200) this.#world.publishers.checkHistory(channel, JSON.parse(answer.body));
  }

  async #untilDone(request: Request, heard: (answer: Answer, askedAt: number) => void = () => {}) {
    const { scheduler, random, judge } = this.#world;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const askedAt = scheduler.now;
      const answer = await this.#ask(request);
      if (answer) heard(answer, askedAt);
      if (answer && answer.statusCode >= 400 && answer.statusCode < 500)
        judge.violated('a correct request is accepted', `${request.routeKey}: ${answer.body}`);
      if (answer && answer.statusCode < 300 && !answer.body?.includes('"error"')) return;
      await scheduler.sleep(random.logarithmic(100, 5000));
    }
  }

  /** Undefined: it failed. */
  async #ask({ routeKey, path, query, body }: Request): Promise<Answer | undefined> {
    const event = {
      routeKey,
      headers: {},
      pathParameters: path,
      ...(query && { queryStringParameters: query }),
      ...(body && { body: JSON.stringify(body) }),
    };
    const outcome = await this.#world.lambdas.invoke('topics', event);
    return outcome.kind === 'returned' ? (outcome.value as Answer) : undefined;
  }
}

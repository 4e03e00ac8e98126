/** Serves one range of a channel's subscribers with one message. */

import { mapConcurrently } from '../../concurrency.ts';
import type { App } from '../app.ts';
import type { FanOutTask } from '../ports/fan-out.ts';
import {
  CONCURRENT_POSTS,
  type Delivery,
  deliverTo,
  type LiveMessage,
  reportPosts,
  toLive,
} from './deliver.ts';
import { createPace, type Pace } from './pace.ts';

/** Subscribers that are looked up at once: what a worker keeps in memory. */
const PAGE = 256;

interface RangeLimits {
  /** From then on, the rest of the range becomes a task of its own. */
  deadlineAt: number;
  /** Posts, in the long run. */
  perSecond: number;
}

/**
 * A function of the stores' current state: done twice it posts twice, and clients drop what they
 * have. Rejects for faults of the stores and the queue.
 */
export async function serveRange(app: App, task: FanOutTask, limits: RangeLimits): Promise<void> {
  const { channel, epoch, seq, publishedAt, traced, from, to } = task;
  const message = await app.log.find(channel, { epoch, seq });
  // It expired or was withdrawn since: nobody is to hear it any more.
  if (message === undefined) {
    return app.logger.info('fan-out stopped', { channel: channel.name, seq, from, to });
  }
  const live = toLive({ channel, epoch, message }, { publishedAt, traced });
  try {
    await serveLive(app, task, live, limits);
  } finally {
    reportPosts(app, live);
  }
}

async function serveLive(
  app: App,
  task: FanOutTask,
  live: LiveMessage,
  { deadlineAt, perSecond }: RangeLimits,
): Promise<void> {
  const { channel, seq, publishedAt, to } = task;
  const fields = { channel: channel.name, seq, from: task.from, to };
  const pace = createPace(app.clock, perSecond);
  let served = 0;
  for (let from: string | undefined = task.from; from !== undefined; ) {
    if (served > 0 && app.clock.now() >= deadlineAt) {
      await app.fanOut.send([{ ...task, from }]);
      return app.logger.info('fan-out goes on', { ...fields, served, next: from });
    }
    const page = await app.subscriptions.page(channel, { from, to }, PAGE);
    await mapConcurrently(page.subscriptions, CONCURRENT_POSTS, async (subscription) => {
      await pace.turn();
      adjust(pace, await deliverTo(app, subscription, live));
    });
    served += page.subscriptions.length;
    from = page.next;
  }
  const measured = { fanOutServed: served, fanOutLagMs: app.clock.now() - publishedAt };
  app.logger.metrics(measured, 'fan-out done', fields);
}

function adjust(pace: Pace, delivery: Delivery): void {
  if (delivery === 'sent') pace.accepted();
  if (delivery === 'refused') pace.refused();
}

/** What is left of large fan-outs, and the queue that holds it. */
import type { Channel } from '../model.ts';
import type { SubscriberRange } from './subscription-store.ts';

export interface FanOutQueue {
  /** Each is done at least once. Rejects when not all of them were taken for certain. */
  send(tasks: FanOutTask[]): Promise<void>;
}

/** One message for one part of those who hear its channel. */
export interface FanOutTask extends SubscriberRange {
  channel: Channel;
  epoch: string;
  seq: number;
  /** When its publisher asked. */
  publishedAt: number;
  /** Whether its lines are logged. */
  traced: boolean;
}

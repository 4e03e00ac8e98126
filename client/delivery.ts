/** What a connection delivers to a channel, in the form in which tabs pass it on to each other. */
import type { MessageFrame, ReplayFrame, SubscriptionState } from '../lambdas/protocol/frames.ts';
import type { ReadState, WithdrawnFrame } from './inbox/inbox-frames.ts';

export type Delivery = Started | Arrived | Replayed | Reached | WithdrawnFrame;

/** A connection hears the channel from now on. */
export type Started = SubscriptionState & {
  event: 'ready';
  /** Another connection was delivering meanwhile. */
  isOverlapping: boolean;
  /** What the user has read of the own channel. */
  read?: ReadState | undefined;
};

/** A live message. */
export type Arrived = MessageFrame & Sized;

/** One frame of a replay. Every seq in (`from`, `through`] is accounted for by it. */
export type Replayed = ReplayFrame & Sized & { from: number; withdrawn?: number[] };

/** The channel reaches so far. */
export type Reached = { event: 'pong' } & Pick<SubscriptionState, 'channel' | 'head'>;

interface Sized {
  /** UTF-16 units of the frame's text. */
  size: number;
}

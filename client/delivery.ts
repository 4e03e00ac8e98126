/** What a connection delivers to a channel, in the form in which tabs pass it on to each other. */
import type { MessageFrame, PongFrame, ReadyFrame, ReplayFrame } from '../lambdas/protocol/frames.ts';

export type Delivery = Started | Arrived | Replayed | Pick<PongFrame, 'event' | 'head'>;

/** A connection has begun. `isOverlapping`: another connection was delivering meanwhile. */
export type Started = Pick<ReadyFrame, 'event' | 'channel' | 'epoch' | 'head' | 'cursor'> & {
  isOverlapping: boolean;
};

/** A live message. */
export type Arrived = MessageFrame & Sized;

/** One frame of a replay. Every seq in (`from`, `through`] is accounted for by it. */
export type Replayed = ReplayFrame & Sized & { from: number };

interface Sized {
  /** UTF-16 units of the frame's text. */
  size: number;
}

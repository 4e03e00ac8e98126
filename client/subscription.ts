/** What one connection knows of one channel that it hears, or has asked for. */
import type { World } from './environment.ts';
import { ReplayWindow } from './replay-window.ts';
import { Timer } from './timing.ts';

export class Subscription {
  readonly channel: string;
  /** The channel's numbering. Undefined: the server has not said it yet. */
  epoch: string | undefined;
  readonly window = new ReplayWindow();
  /** What the server has not answered yet. */
  asked: 'subscribe' | 'unsubscribe' | undefined;
  /** Of the newest frame that asked something of the server. An error frame names it. */
  ref: string | undefined;
  /** The server subscribed the connection by itself. */
  isGiven = false;
  /** Runs out when the server does not answer, or a replay that is under way does not go on. */
  readonly deadline: Timer;

  constructor(channel: string, world: World) {
    this.channel = channel;
    this.deadline = new Timer(world);
  }
}

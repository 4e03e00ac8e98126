/** Everything a use case may touch: the ports, the operator's settings, the message types. */
import type { Acceptances } from './connection/acceptances.ts';
import type { ChannelLog } from './log/channel-log.ts';
import type { Stored, Subscription } from './model.ts';
import type { Clock, Ids } from './ports/clock.ts';
import type { ConnectionStore } from './ports/connection-store.ts';
import type { CursorStore, DeviceStore } from './ports/device-store.ts';
import type { EventBus } from './ports/event-bus.ts';
import type { FanOutQueue } from './ports/fan-out.ts';
import type { CutReplay, FitHistory } from './ports/frame-sizes.ts';
import type { Gateway } from './ports/gateway.ts';
import type { Later } from './ports/later.ts';
import type { Logger } from './ports/logger.ts';
import type { MemberStore } from './ports/member-store.ts';
import type { ReadStateStore } from './ports/read-state-store.ts';
import type { StartStore } from './ports/start-store.ts';
import type { SubscriptionStore } from './ports/subscription-store.ts';
import type { MessageTypes } from './publish/message-types.ts';
import type { FrameRates } from './session/frame-rates.ts';
import type { Settings } from './settings.ts';

/**
 * The ports, each in a file of `ports/`, are what the domain needs of the world. On AWS and on the
 * local stack `adapters/` implements them, in the unit tests memory does. All reads of the stores
 * are strongly consistent and drop what has expired. Every method of a store rejects with a `Busy`
 * when the store is throttled, and with any other error when the store is unreachable: then the
 * effect may or may not have happened.
 */
export interface App {
  connections: ConnectionStore;
  subscriptions: SubscriptionStore;
  members: MemberStore;
  devices: DeviceStore;
  /** Where devices stand in channels that are not their user's own; see `cursor.ts`. */
  cursors: CursorStore;
  readStates: ReadStateStore;
  starts: StartStore;
  log: ChannelLog;
  gateway: Gateway;
  later: Later;
  fanOut: FanOutQueue;
  bus: EventBus;
  /** In the memory of this process, like the next. */
  acceptances: Acceptances;
  frameRates: FrameRates;
  cutReplay: CutReplay;
  fitHistory: FitHistory;
  clock: Clock;
  ids: Ids;
  logger: Logger;
  settings: Settings;
  types: MessageTypes;
  /**
   * Loads what sends a message to a client that cannot put messages in order. Only who publishes
   * has it; without it, or where it cannot, the stream starts a pump.
   */
  loadPump?: () => Promise<Pump>;
}

/** What a publisher loads for the first client that it meets which does not sort. */
export interface Pump {
  /**
   * Sends a message that is the next of its subscription. `excluded`: its client has not subscribed
   * to the channel. Undefined: it is not, or another pump is
   * at work, and nothing was sent.
   */
  deliverNext(
    app: App,
    subscription: Subscription,
    stored: Stored,
  ): Promise<'sent' | 'gone' | 'excluded' | undefined>;
}

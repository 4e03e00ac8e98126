/** Everything a use case may touch: the ports, the operator's settings, the message types. */
import type { Acceptances } from './connection/acceptances.ts';
import type { ChannelLog } from './log/channel-log.ts';
import type { Stored, Subscription } from './model.ts';
import type {
  Clock,
  ConnectionStore,
  CursorStore,
  CutReplay,
  DeviceStore,
  EventBus,
  FanOutQueue,
  FitHistory,
  Gateway,
  Ids,
  Later,
  Logger,
  MemberStore,
  ReadStateStore,
  StartStore,
  SubscriptionStore,
} from './ports.ts';
import type { MessageTypes } from './publish/message-types.ts';
import type { FrameRates } from './session/frame-rates.ts';
import type { Settings } from './settings.ts';

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

/** Everything a use case may touch: the ports, the operator's settings, the message types. */
import type { HeadCache } from './log/head-cache.ts';
import type { Clock, ConnectionStore, DeviceStore, Gateway, Ids, Logger, MessageLog } from './ports.ts';
import type { MessageTypes } from './publish/message-types.ts';
import type { Settings } from './settings.ts';

export interface App {
  connections: ConnectionStore;
  devices: DeviceStore;
  log: MessageLog;
  /** Of this process. */
  heads: HeadCache;
  gateway: Gateway;
  clock: Clock;
  ids: Ids;
  logger: Logger;
  settings: Settings;
  types: MessageTypes;
}

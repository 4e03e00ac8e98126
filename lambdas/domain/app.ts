/** Everything a use case may touch: the ports, the operator's settings, the message types. */
import type { KnownHeads } from './known-heads.ts';
import type { MessageTypes } from './message-types.ts';
import type { Clock, ConnectionStore, DeviceStore, Gateway, Ids, Logger, MessageLog } from './ports.ts';
import type { Settings } from './settings.ts';

export interface App {
  connections: ConnectionStore;
  devices: DeviceStore;
  log: MessageLog;
  /** Of this process. */
  heads: KnownHeads;
  gateway: Gateway;
  clock: Clock;
  ids: Ids;
  logger: Logger;
  settings: Settings;
  types: MessageTypes;
}

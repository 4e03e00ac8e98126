/** Everything a use case may touch: the ports, the operator's settings, the message types. */
import type { ChannelLog } from './log/channel-log.ts';
import type { Clock, ConnectionStore, CutReplay, DeviceStore, Gateway, Ids, Logger } from './ports.ts';
import type { MessageTypes } from './publish/message-types.ts';
import type { Settings } from './settings.ts';

export interface App {
  connections: ConnectionStore;
  devices: DeviceStore;
  log: ChannelLog;
  gateway: Gateway;
  cutReplay: CutReplay;
  clock: Clock;
  ids: Ids;
  logger: Logger;
  settings: Settings;
  types: MessageTypes;
}

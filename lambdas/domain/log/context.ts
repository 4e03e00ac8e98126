/** What the parts of the log share. */
import type { Clock, Ids, Logger, LogStore } from '../ports.ts';
import type { HeadCache } from './head-cache.ts';

export interface LogContext {
  store: LogStore;
  heads: HeadCache;
  clock: Clock;
  ids: Ids;
  logger: Logger;
}

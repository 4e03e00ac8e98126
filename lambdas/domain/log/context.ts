/** What the parts of the log share. */
import type { Clock, Ids } from '../ports/clock.ts';
import type { LogStore } from '../ports/log-store.ts';
import type { Logger } from '../ports/logger.ts';
import type { HeadCache } from './head-cache.ts';

export interface LogContext {
  store: LogStore;
  heads: HeadCache;
  clock: Clock;
  ids: Ids;
  logger: Logger;
}

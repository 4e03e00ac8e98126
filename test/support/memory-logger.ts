/** A logger that remembers, for tests that ask what was logged. */
import type { LogFields, Logger } from '../../lambdas/domain/ports/logger.ts';

export interface LogEntry {
  level: 'info' | 'warn' | 'error';
  message: string;
  fields: LogFields;
}

export interface MemoryLogger extends Logger {
  entries: LogEntry[];
  /** The sum of each metric. */
  totals: Map<string, number>;
}

export function createMemoryLogger(): MemoryLogger {
  const entries: LogEntry[] = [];
  const totals = new Map<string, number>();
  const log =
    (level: LogEntry['level']) =>
    (message: string, fields: LogFields = {}) => {
      entries.push({ level, message, fields });
    };
  return {
    entries,
    totals,
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    metrics(values, message, fields) {
      if (message !== undefined) log('info')(message, fields);
      for (const [name, value] of Object.entries(values)) {
        const values = typeof value === 'number' ? [value] : value;
        totals.set(
          name,
          values.reduce((sum, one) => sum + one, totals.get(name) ?? 0),
        );
      }
    },
  };
}

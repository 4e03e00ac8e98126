/**
 * JSON lines and CloudWatch metrics on standard output. Powertools do the same and more, for about
 * 18 ms of each cold start; this costs about 4.
 */
import type { LogFields, Logger, Metrics } from './domain/ports/logger.ts';

const NAMESPACE = 'Herald';

/**
 * The only dimension, since each value of one is a metric to be paid for: it tells two backends of
 * an account apart.
 */
const BACKEND = 'backend';

/** What is less grave is not logged. `debug`: Lambda's own lines of each run, too. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  write?: (line: string) => void;
  now?: () => number;
  /** Its name among those of the account. Undefined: the account has no other. */
  backend?: string | undefined;
  /** Metrics are written whatever the level. */
  level?: LogLevel;
}

/** `lambda`: its name in the logs. */
export function createLogger(lambda: string, options: LoggerOptions = {}): Logger {
  const { write = print, now = Date.now, backend, level: least = 'info' } = options;
  const entry = (level: string, message: string, fields: LogFields = {}) => {
    const own = { level, timestamp: new Date(now()).toISOString(), lambda, message };
    return { ...own, ...plain(fields), ...own };
  };
  const isLogged = (level: LogLevel) => LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least);
  const log = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (isLogged(level)) write(JSON.stringify(entry(level.toUpperCase(), message, fields)));
  };
  return {
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    metrics(values, message, fields) {
      const told = message !== undefined && isLogged('info') ? entry('INFO', message, fields) : { lambda };
      for (const part of inParts(values)) {
        write(JSON.stringify({ ...told, ...embeddedMetrics(part, backend, now()) }));
      }
    },
  };
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** The most values of a metric that CloudWatch takes from a line. */
const MAX_VALUES = 100;

/** More lines if a metric has more values than one line may hold. */
function inParts(values: Metrics): Metrics[] {
  const entries = Object.entries(values);
  const most = Math.max(...entries.map(([, value]) => (Array.isArray(value) ? value.length : 1)));
  const parts = Array.from({ length: Math.ceil(most / MAX_VALUES) }, (_, part) => part * MAX_VALUES);
  return parts.map((from) =>
    Object.fromEntries(
      entries.flatMap(([name, value]): [string, number | readonly number[]][] => {
        const isList = typeof value !== 'number';
        if (!isList) return from === 0 ? [[name, value]] : [];
        const some = value.slice(from, from + MAX_VALUES);
        return some.length > 0 ? [[name, some]] : [];
      }),
    ),
  );
}

/**
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
const embeddedMetrics = (values: Metrics, backend: string | undefined, timestamp: number) => ({
  _aws: {
    Timestamp: timestamp,
    CloudWatchMetrics: [
      {
        Namespace: NAMESPACE,
        Dimensions: [backend === undefined ? [] : [BACKEND]],
        Metrics: Object.keys(values).map((name) => ({
          Name: name,
          Unit: name.endsWith('Ms') ? 'Milliseconds' : 'Count',
        })),
      },
    ],
  },
  ...(backend !== undefined && { [BACKEND]: backend }),
  ...values,
});

/** Most lines have no error, and need no copy. */
function plain(fields: LogFields): object {
  const entries = Object.entries(fields);
  if (!entries.some(([, value]) => value instanceof Error)) return fields;
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value instanceof Error ? described(value) : value]),
  );
}

/** More causes than this go in a circle. */
const MAX_CAUSES = 10;

const described = (error: Error, causes = MAX_CAUSES): Record<string, unknown> => ({
  name: error.name,
  message: error.message,
  stack: error.stack,
  ...(error.cause instanceof Error && causes > 0 ? { cause: described(error.cause, causes - 1) } : {}),
});

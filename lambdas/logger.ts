/**
 * JSON lines and CloudWatch metrics on standard output. Powertools do the same and more, for about
 * 18 ms of each cold start; this costs about 4.
 */
import type { LogFields, Logger } from './domain/ports.ts';

const NAMESPACE = 'Herald';

/**
 * The only dimension, since each value of one is a metric to be paid for: it tells two backends of
 * an account apart.
 */
const BACKEND = 'backend';

/** `backend`: its name among those of the account. */
export function createLogger(
  lambda: string,
  write: (line: string) => void = (line) => process.stdout.write(`${line}\n`),
  now: () => number = Date.now,
  backend?: string,
): Logger {
  const entry = (level: string, message: string, fields: LogFields = {}) => {
    const own = { level, timestamp: new Date(now()).toISOString(), lambda, message };
    return { ...own, ...plain(fields), ...own };
  };
  const log = (level: string, message: string, fields?: LogFields) =>
    write(JSON.stringify(entry(level, message, fields)));
  return {
    info: (message, fields) => log('INFO', message, fields),
    warn: (message, fields) => log('WARN', message, fields),
    error: (message, fields) => log('ERROR', message, fields),
    metrics: (values, message, fields) =>
      write(
        JSON.stringify({
          ...(message === undefined ? { lambda } : entry('INFO', message, fields)),
          ...embeddedMetrics(values, backend, now()),
        }),
      ),
  };
}

/**
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
const embeddedMetrics = (values: Record<string, number>, backend: string | undefined, timestamp: number) => ({
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

const plain = (fields: LogFields) =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? described(value) : value]),
  );

/** More causes than this go in a circle. */
const MAX_CAUSES = 10;

const described = (error: Error, causes = MAX_CAUSES): Record<string, unknown> => ({
  name: error.name,
  message: error.message,
  stack: error.stack,
  ...(error.cause instanceof Error && causes > 0 ? { cause: described(error.cause, causes - 1) } : {}),
});

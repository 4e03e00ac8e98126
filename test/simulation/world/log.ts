/** What the Lambdas log: searched for tokens, shown in a trace, else forgotten. */
import type { LogFields, Logger } from '../../../lambdas/domain/ports/logger.ts';
import { createLogger } from '../../../lambdas/logger.ts';
import type { Invocation } from './invocation.ts';
import { SECRET_MARK } from './tokens.ts';
import type { World } from './world.ts';

export function createSimulatedLogger(world: World, invocation: Invocation): Logger {
  const check = (line: string) => {
    if (line.includes(SECRET_MARK)) world.judge.violated('no token in a log line', line);
  };
  const real = createLogger(invocation.lambda, { write: check, now: () => invocation.now });
  const show = (message: string, fields?: LogFields) =>
    world.trace(`#${invocation.id} ${invocation.lambda} says: ${message} ${summary(fields)}`);
  const log = (level: 'info' | 'warn' | 'error') => (message: string, fields?: LogFields) => {
    real[level](message, fields);
    if (level === 'error') world.judge.faulted(invocation);
    if (level === 'warn' && message === 'read state not told') world.judge.reads.gaveUp(invocation);
    show(message, fields);
  };
  return {
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
    metrics: (values, message, fields) => {
      real.metrics(values, message, fields);
      if (message !== undefined) show(message, fields);
    },
  };
}

const summary = (fields: LogFields = {}): string =>
  Object.entries(fields)
    .map(([name, value]) => `${name}=${value instanceof Error ? value.message : value}`)
    .join(' ');

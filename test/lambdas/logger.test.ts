/** What a Lambda writes: one JSON object per line, metrics as CloudWatch reads them. */
import { describe, expect, it } from 'vitest';
import { createLogger, type LoggerOptions } from '../../lambdas/logger.ts';
import { NOW } from '../support/builders.ts';

function aLog(options: Pick<LoggerOptions, 'backend' | 'level'> = {}) {
  const lines: string[] = [];
  const logger = createLogger('notify', { ...options, write: (line) => lines.push(line), now: () => NOW });
  return { logger, lines, last: () => JSON.parse(lines.at(-1) ?? '') };
}

describe('a log line', () => {
  it.each(['info', 'warn', 'error'] as const)('is one JSON object: %s', (level) => {
    const { logger, lines, last } = aLog();
    logger[level]('something\nhappened', { userId: 'alice\r\n\u2028', seq: 7, nothing: undefined });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/[\n\r]/);
    expect(last()).toEqual({
      level: level.toUpperCase(),
      timestamp: new Date(NOW).toISOString(),
      lambda: 'notify',
      message: 'something\nhappened',
      userId: 'alice\r\n\u2028',
      seq: 7,
    });
  });

  it('needs no fields', () => {
    const { logger, last } = aLog();
    logger.info('hello');
    expect(last()).toMatchObject({ level: 'INFO', message: 'hello' });
  });

  it('tells an error with its stack and all its causes', () => {
    const { logger, last } = aLog();
    const error = new TypeError('above', { cause: new Error('below', { cause: new RangeError('deepest') }) });
    logger.error('failed', { error });
    expect(last().error).toEqual({
      name: 'TypeError',
      message: 'above',
      stack: error.stack,
      cause: {
        name: 'Error',
        message: 'below',
        stack: expect.any(String),
        cause: { name: 'RangeError', message: 'deepest', stack: expect.any(String) },
      },
    });
  });

  it('does not lose an error whose causes go in a circle', () => {
    const { logger, last } = aLog();
    const one = new Error('one');
    const other = new Error('other', { cause: one });
    one.cause = other;
    logger.error('failed', { error: one });
    expect(last().error).toMatchObject({ message: 'one', cause: { message: 'other' } });
  });

  it('keeps its own fields whatever else is logged', () => {
    const { logger, last } = aLog();
    logger.warn('true', { level: 'INFO', timestamp: 0, lambda: 'other', message: 'false', userId: 'alice' });
    expect(last()).toMatchObject({ level: 'WARN', lambda: 'notify', message: 'true', userId: 'alice' });
    expect(last().timestamp).toBe(new Date(NOW).toISOString());
  });

  it('goes to standard output by default, without a prefix', () => {
    const written: unknown[] = [];
    const write = process.stdout.write;
    process.stdout.write = (text: string | Uint8Array) => written.push(text) > 0;
    try {
      createLogger('notify').info('hello');
    } finally {
      process.stdout.write = write;
    }
    expect(written).toEqual([expect.stringMatching(/^\{"level":"INFO".*\}\n$/)]);
  });
});

describe('metrics', () => {
  it('are in CloudWatch’s embedded format, each with its unit and its value at the root', () => {
    const { logger, lines, last } = aLog();
    logger.metrics({ published: 3, publishToPostMs: 12.5 });
    expect(lines).toHaveLength(1);
    expect(last()).toEqual({
      _aws: {
        Timestamp: NOW,
        CloudWatchMetrics: [
          {
            Namespace: 'Herald',
            Dimensions: [[]],
            Metrics: [
              { Name: 'published', Unit: 'Count' },
              { Name: 'publishToPostMs', Unit: 'Milliseconds' },
            ],
          },
        ],
      },
      lambda: 'notify',
      published: 3,
      publishToPostMs: 12.5,
    });
  });

  it('are told from those of another backend in the account by one dimension', () => {
    const { logger, lines } = aLog({ backend: 'Herald-1' });
    logger.metrics({ published: 1 });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      _aws: { CloudWatchMetrics: [{ Dimensions: [['backend']] }] },
      backend: 'Herald-1',
      published: 1,
    });
  });

  it('of which there are many values share lines, a hundred in each', () => {
    const { logger, lines } = aLog();
    const postMs = Array.from({ length: 250 }, (_, index) => index);
    logger.metrics({ postMs, fanOutServed: 250 });
    const written = lines.map((line) => JSON.parse(line));
    expect(written.map((line) => line.postMs.length)).toEqual([100, 100, 50]);
    expect(written.flatMap((line) => line.postMs)).toEqual(postMs);
    expect(written.map((line) => line.fanOutServed)).toEqual([250, undefined, undefined]);
    expect(written[1]._aws.CloudWatchMetrics[0].Metrics).toEqual([{ Name: 'postMs', Unit: 'Milliseconds' }]);
  });

  it('may be a line of the log as well, which never takes their place', () => {
    const { logger, lines, last } = aLog();
    logger.metrics({ postMs: 7 }, 'delivered', { userId: 'alice', postMs: 'other', _aws: 'other' });
    expect(lines).toHaveLength(1);
    expect(last()).toMatchObject({ level: 'INFO', message: 'delivered', userId: 'alice', postMs: 7 });
    expect(last()._aws.CloudWatchMetrics).toHaveLength(1);
  });
});

describe('above a level', () => {
  it('only what is as grave is logged', () => {
    const { logger, lines } = aLog({ level: 'warn' });
    for (const level of ['info', 'warn', 'error'] as const) logger[level](level);
    expect(lines.map((line) => JSON.parse(line).message)).toEqual(['warn', 'error']);
  });

  it('metrics are written all the same, without the line', () => {
    const { logger, last } = aLog({ level: 'error' });
    logger.metrics({ published: 1 }, 'published', { userId: 'alice' });
    expect(last()).toMatchObject({ published: 1, lambda: 'notify' });
    expect(last()).not.toHaveProperty('message');
    expect(last()).not.toHaveProperty('userId');
  });
});

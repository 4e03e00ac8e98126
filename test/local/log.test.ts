/** What the local stack prints while it runs. */
import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { createStackLog, type StackLogOptions } from '../../local/log.ts';

function printing(options: StackLogOptions = {}) {
  const lines: { line: string; isWrong: boolean }[] = [];
  const write = (line: string, isWrong: boolean) =>
    void lines.push({ line: stripVTControlCharacters(line), isWrong });
  return { lines, ...createStackLog({ ...options, write }) };
}

const OF_A_LAMBDA =
  '{"level":"INFO","timestamp":"2026-11-26T10:20:30.123Z","lambda":"notify","message":"published","userId":"alice","sent":2}';

it('a line of a Lambda is one that can be read', () => {
  const { lines, lambdaLine } = printing();
  lambdaLine(OF_A_LAMBDA);
  expect(lines).toEqual([{ line: '10:20:30.123 notify      published userId=alice sent=2', isWrong: false }]);
});

it('a fault is one line without its stack, and goes to standard error', () => {
  const { lines, logger } = printing();
  logger.error('dead letter', { error: new Error('no\nway'), event: `{"text":"${'x'.repeat(1000)}"}` });
  const [{ line = '', isWrong } = {}] = lines;
  expect(isWrong).toBe(true);
  expect(line).toMatch(/^[\d:.]{12} local-stack dead letter error="Error: no\\nway" event="\{.*…$/);
  expect(line).not.toContain('\n');
});

it('what is no log entry is told as it is, and bare metrics not at all', () => {
  const { lines, lambdaLine } = printing();
  lambdaLine('hello from a validator');
  lambdaLine('{"_aws":{},"lambda":"notify","published":1}');
  expect(lines.map(({ line }) => line)).toEqual(['hello from a validator']);
});

it('--quiet leaves what goes wrong with the stack', () => {
  const { lines, logger, lambdaLine } = printing({ quiet: true });
  lambdaLine(OF_A_LAMBDA);
  logger.info('delivered');
  logger.warn('refused');
  expect(lines).toEqual([{ line: expect.stringContaining('refused'), isWrong: true }]);
});

it('--json-logs changes nothing of the JSON', () => {
  const { lines, logger, lambdaLine } = printing({ jsonLogs: true });
  lambdaLine(OF_A_LAMBDA);
  logger.info('delivered', { userId: 'alice' });
  expect(lines[0]).toEqual({ line: OF_A_LAMBDA, isWrong: false });
  expect(JSON.parse(lines[1]?.line ?? '')).toMatchObject({ message: 'delivered', userId: 'alice' });
});

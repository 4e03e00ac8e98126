/** What `npm run e2e` prints of each guarantee, and when it may say that all is well. */
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import type { TestCase, TestModule } from 'vitest/node';
import { Report } from '../../../tools/verify/report.ts';

function newReport() {
  const out = new PassThrough({ encoding: 'utf8' });
  const report = new Report(out);
  const tell = (fullName: string, state: string, errors: string[] = [], measuredMs = {}) =>
    report.onTestCaseResult({
      fullName,
      result: () => ({ state, errors: errors.map((message) => ({ message })) }),
      meta: () => ({ measuredMs }),
    } as unknown as TestCase);
  const text = () => stripVTControlCharacters(String(out.read() ?? ''));
  return { report, tell, text };
}

it('holds when something was tested and all of it held', () => {
  const { report, tell, text } = newReport();
  expect(report.holds).toBe(false);
  tell('a device > catches up', 'passed', [], { 'publish → receive': [1, 2, 30] });
  tell('a device > hears the bus', 'skipped');
  report.onTestRunEnd([], []);
  expect(report.holds).toBe(true);
  expect(text().replaceAll(/ +/g, ' ').split('\n')).toEqual([
    ' held a device catches up',
    ' not tested a device hears the bus',
    '',
    ' publish → receive p50 2 ms p99 30 ms (3 times)',
    '',
    '1 held, 0 not held, 1 not tested.',
    '',
  ]);
});

it('does not hold when a guarantee did not, and says why', () => {
  const { report, tell, text } = newReport();
  tell('a device > catches up', 'passed');
  tell('a device > hears', 'failed', ['expected 1 to be 2\nsecond line']);
  expect(report.holds).toBe(false);
  expect(text()).toMatch(/NOT HELD +a device hears\n +expected 1 to be 2\n +second line\n/);
});

it('does not hold when a test could not even run', () => {
  const { report, tell, text } = newReport();
  tell('a device > catches up', 'passed');
  report.onTestModuleEnd({ errors: () => [{ message: 'no such module' }] } as unknown as TestModule);
  expect(report.holds).toBe(false);
  expect(text()).toContain('no such module');
});

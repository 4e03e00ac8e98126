/** The filter patterns of an event source. */
import { expect, it } from 'vitest';
import type { FilterPattern, Matcher } from '../../../../lambdas/lambda-spec.ts';
import { matchesPattern } from '../../../../local/emulator/stream/event-filter.ts';

const value = (text: unknown) => ({ dynamodb: { NewImage: { name: { S: text } } } });
const pattern = (...matchers: Matcher[]): FilterPattern => ({
  dynamodb: { NewImage: { name: { S: matchers } } },
});

const CASES: [string, Matcher[], unknown, boolean][] = [
  ['exact', ['a'], 'a', true],
  ['exact, another case', ['a'], 'A', false],
  ['any of a list', ['a', 'b'], 'b', true],
  ['empty', [''], '', true],
  ['null', [null], null, true],
  ['null against absent', [null], undefined, false],
  ['a number is not its text', [1], '1', false],
  ['exists', [{ exists: true }], 'a', true],
  ['exists, absent', [{ exists: true }], undefined, false],
  ['not exists', [{ exists: false }], undefined, true],
  ['not exists, present', [{ exists: false }], 'a', false],
  ['prefix', [{ prefix: 'ab' }], 'abc', true],
  ['prefix, another', [{ prefix: 'ab' }], 'ba', false],
  ['anything but one', [{ 'anything-but': 'a' }], 'b', true],
  ['anything but one, that one', [{ 'anything-but': 'a' }], 'a', false],
  ['anything but several', [{ 'anything-but': ['a', 'b'] }], 'b', false],
  ['anything but a prefix', [{ 'anything-but': { prefix: 'a' } }], 'ab', false],
  ['anything but, absent', [{ 'anything-but': 'a' }], undefined, false],
  ['numeric', [{ numeric: ['>', 1, '<=', 3] }], 3, true],
  ['numeric, outside', [{ numeric: ['>', 1, '<=', 3] }], 1, false],
  ['numeric against the text of a number', [{ numeric: ['=', 1] }], '1', false],
  ['exists on what is no leaf', [{ exists: true }], { deeper: 1 }, false],
];

it.each(CASES)('%s', (_, matchers, text, matches) => {
  expect(matchesPattern(pattern(...matchers), value(text))).toBe(matches);
});

it('needs every key of the pattern', () => {
  const both: FilterPattern = { eventName: ['INSERT'], ...pattern('a') };
  expect(matchesPattern(both, { eventName: 'INSERT', ...value('a') })).toBe(true);
  expect(matchesPattern(both, { eventName: 'REMOVE', ...value('a') })).toBe(false);
  expect(matchesPattern(both, { eventName: 'INSERT' })).toBe(false);
});

it('finds no inherited key', () => {
  expect(matchesPattern({ constructor: [{ exists: true }] }, {})).toBe(false);
});

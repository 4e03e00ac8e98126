/** Lambda's filter patterns for stream records: exact values, `exists`, `prefix`, `anything-but`, `numeric`. */
import type { FilterPattern, Matcher, Scalar } from '../../../lambdas/lambda-spec.ts';
import { isRecord } from '../../../lambdas/protocol/json.ts';

/** Every key of the pattern must match, any matcher of its list is enough. */
export function matchesPattern(pattern: FilterPattern, value: unknown): boolean {
  return Object.entries(pattern).every(([key, expected]) => {
    const actual = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    if (!isList(expected)) return matchesPattern(expected, actual);
    return expected.some((matcher) => matchesLeaf(matcher, actual));
  });
}

function matchesLeaf(matcher: Matcher, actual: unknown): boolean {
  if (Array.isArray(actual)) return actual.some((element) => matchesLeaf(matcher, element));
  if (!isRecord(matcher)) return actual === matcher;
  if ('exists' in matcher) return matcher.exists === (actual !== undefined && !isRecord(actual));
  if ('prefix' in matcher) return typeof actual === 'string' && actual.startsWith(matcher.prefix);
  if ('numeric' in matcher) return typeof actual === 'number' && inRange(actual, matcher.numeric);
  if ('anything-but' in matcher) return isScalar(actual) && !isExcluded(matcher['anything-but'], actual);
  throw new Error(`Unknown filter: ${JSON.stringify(matcher)}`);
}

const isExcluded = (excluded: Scalar | readonly Scalar[] | { prefix: string }, actual: Scalar): boolean =>
  isRecord(excluded)
    ? String(actual).startsWith(String(excluded.prefix))
    : [excluded].flat().some((value) => value === actual);

/** `conditions`: pairs of an operator and a number, all of which must hold. */
function inRange(actual: number, conditions: readonly (string | number)[]): boolean {
  for (let at = 0; at < conditions.length; at += 2) {
    if (!compares(actual, conditions[at], Number(conditions[at + 1]))) return false;
  }
  return true;
}

function compares(actual: number, operator: string | number | undefined, bound: number): boolean {
  switch (operator) {
    case '=':
      return actual === bound;
    case '<':
      return actual < bound;
    case '<=':
      return actual <= bound;
    case '>':
      return actual > bound;
    case '>=':
      return actual >= bound;
    default:
      throw new Error(`Unknown numeric operator: ${operator}`);
  }
}

const isList = (pattern: FilterPattern | readonly Matcher[]): pattern is readonly Matcher[] =>
  Array.isArray(pattern);

const isScalar = (value: unknown): value is Scalar => ['string', 'number', 'boolean'].includes(typeof value);

/** The data of a message: any JSON value that can be written again as it was read. */
import type { FieldError } from './errors.ts';
import { MAX_DATA_LEVELS } from './limits.ts';

/**
 * What is wrong with the data, if anything; at most one fault. Numbers are not looked at where the
 * nesting is too deep: the look recurses, and would exhaust the stack.
 */
export function faultsOfData(data: unknown): FieldError[] {
  if (isDeeper(data, MAX_DATA_LEVELS)) {
    return [{ path: 'data', message: `expected at most ${MAX_DATA_LEVELS} levels of nesting` }];
  }
  const path = pathToInfinite(data);
  return path === undefined
    ? []
    : [{ path: `data${path}`, message: 'expected a number that a double can hold' }];
}

/**
 * The path from `value` to the first number that no double can hold. Example: `1e400` is read as
 * infinite, and would be written as null. Undefined: there is none.
 */
function pathToInfinite(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : '';
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, inner] of Object.entries(value)) {
    const rest = pathToInfinite(inner);
    if (rest !== undefined) return `${Array.isArray(value) ? `[${name}]` : `.${name}`}${rest}`;
  }
  return undefined;
}

const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)));

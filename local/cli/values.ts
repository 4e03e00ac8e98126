/** Reads the values of options and operands. What is wrong is told with the name of the option and the rule. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { isTopic, TOPIC_RULE } from '../../lambdas/protocol/channel.ts';
import { MAX_MARKS } from '../../lambdas/protocol/limits.ts';
import { isUserId, USER_ID_RULE } from '../../lambdas/protocol/names.ts';

/** `name`: of the option or operand, as it is typed. */
export function checked<T>(
  name: string,
  value: unknown,
  holds: (value: unknown) => value is T,
  rule: string,
): T {
  if (holds(value)) return value;
  throw new Error(
    value === undefined ? `${name} is missing` : `${name} is ${JSON.stringify(value)}, expected ${rule}`,
  );
}

export function optional<T>(
  name: string,
  value: unknown,
  holds: (value: unknown) => value is T,
  rule: string,
): T | undefined {
  return value === undefined ? undefined : checked(name, value, holds, rule);
}

/** At least one, each once. */
export function usersOf(operands: string[]): string[] {
  if (operands.length === 0) throw new Error('user is missing');
  return [...new Set(operands.map((user) => checked('user', user, isUserId, USER_ID_RULE)))];
}

/** A topic's name. */
export const topicOf = (name: string | undefined): string => checked('topic', name, isTopic, TOPIC_RULE);

export interface Bounds {
  min: number;
  max: number;
}

export function integer(name: string, value: string | undefined, bounds: Bounds): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= bounds.min && number <= bounds.max) return number;
  throw new Error(`${name} is "${value}", expected an integer from ${bounds.min} to ${bounds.max}`);
}

/** `value`: as in `57,51`. */
export function seqList(name: string, value: string | undefined): number[] | undefined {
  if (value === undefined) return undefined;
  const seqs = value.split(',').map((seq) => (/^\d+$/.test(seq) ? Number(seq) : Number.NaN));
  if (seqs.length <= MAX_MARKS && seqs.every((seq) => Number.isSafeInteger(seq) && seq >= 1)) return seqs;
  throw new Error(`${name} is "${value}", expected 1 to ${MAX_MARKS} seqs, as in 57,51`);
}

export function url(name: string, value: string | undefined, scheme: 'ws' | 'http'): URL {
  const expected = `${scheme}://… or ${scheme}s://…`;
  if (value === undefined) throw new Error(`${name} is missing, expected ${expected}`);
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  if (!parsed || ![`${scheme}:`, `${scheme}s:`].includes(parsed.protocol))
    throw new Error(`${name} is "${value}", expected ${expected}`);
  // Neither requests nor WebSockets take these. A password is not repeated.
  if (parsed.username || parsed.password) throw new Error(`${name} has a user or a password, expected none`);
  if (parsed.hash) throw new Error(`${name} has a fragment, expected none: ${parsed.hash}`);
  return parsed;
}

/**
 * `value`: JSON, `@` and the name of a file that holds it, or `-` for standard input. Returns the
 * JSON as it is written: a number that is read and written again may be another.
 */
export async function jsonText(name: string, value: string): Promise<string> {
  const written = await contentOf(name, value);
  try {
    JSON.parse(written);
    return written;
  } catch (cause) {
    const example = `expected JSON, such as '{"text":"hello"}' or '"hello"'`;
    const found = written === value ? value : `${value}, which holds no JSON`;
    throw new Error(`${name} is ${found}, ${example}`, { cause });
  }
}

async function contentOf(name: string, value: string): Promise<string> {
  if (value === '-') return await text(process.stdin);
  if (!value.startsWith('@')) return value;
  try {
    return await readFile(value.slice(1), 'utf8');
  } catch (cause) {
    throw new Error(`${name} is ${value}, which cannot be read: ${(cause as Error).message}`, { cause });
  }
}

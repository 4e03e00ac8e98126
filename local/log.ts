/** What the local stack prints while it runs: one readable line each, or with `--json-logs` the JSON lines as they are. */
import { styleText } from 'node:util';
import type { Logger } from '../lambdas/domain/ports/logger.ts';
import { createLogger } from '../lambdas/logger.ts';

export interface StackLogOptions {
  jsonLogs?: boolean | undefined;
  /** Only what goes wrong. */
  quiet?: boolean | undefined;
  /** A line to standard output or, when something goes wrong, to standard error. */
  write?: (line: string, isWrong: boolean) => void;
}

export interface StackLog {
  /** Of the stack itself. */
  logger: Logger;
  /** One line that a Lambda wrote. */
  lambdaLine(line: string): void;
}

const SOURCE = 'local-stack';

export function createStackLog({
  jsonLogs = false,
  quiet = false,
  write = print,
}: StackLogOptions): StackLog {
  if (jsonLogs) {
    const line = (text: string) => write(text, true);
    return {
      logger: quieted(createLogger(SOURCE, { write: line }), quiet),
      lambdaLine: (text) => quiet || write(text, false),
    };
  }
  const readable = (text: string) => {
    const line = readableLine(text);
    if (line !== undefined) write(line, isWrong(text));
  };
  return {
    logger: quieted(createLogger(SOURCE, { write: readable }), quiet),
    lambdaLine: (text) => quiet || readable(text),
  };
}

const print = (line: string, isWrong: boolean): void =>
  void (isWrong ? process.stderr : process.stdout).write(`${line}\n`);

const quieted = (logger: Logger, quiet: boolean): Logger =>
  quiet ? { ...logger, info: () => {}, metrics: () => {} } : logger;

const isWrong = (text: string): boolean => {
  const level = parsed(text)?.level;
  return level === 'WARN' || level === 'ERROR';
};

const COLORS = { INFO: 'cyan', WARN: 'yellow', ERROR: 'red' } as const;

/** What a reader of the terminal does not miss: the time stands in front, metrics are for CloudWatch. */
const UNTOLD = new Set(['level', 'timestamp', 'lambda', 'message', '_aws', 'backend']);

/** Undefined: nothing to read in it. What is no JSON object is told as it is. */
export function readableLine(text: string): string | undefined {
  const entry = parsed(text);
  if (entry === undefined) return text;
  const { level, timestamp, lambda, message } = entry;
  if (typeof message !== 'string') return undefined;
  const time = String(timestamp).slice(11, 23);
  const color = COLORS[String(level) as keyof typeof COLORS] ?? 'cyan';
  const fields = Object.entries(entry)
    .filter(([name]) => !UNTOLD.has(name))
    .map(([name, value]) => `${name}=${told(value)}`);
  return [time, String(lambda).padEnd(SOURCE.length), styleText(color, message), ...fields].join(' ');
}

const MAX_TOLD = 300;

/** On one line, without the stack of an error. */
function told(value: unknown): string {
  const { name, message } = (value ?? {}) as { name?: unknown; message?: unknown };
  const isError = typeof name === 'string' && typeof message === 'string';
  const whole = isError ? `${name}: ${message}` : value;
  const text = typeof whole === 'string' && /^[^\s"]+$/.test(whole) ? whole : JSON.stringify(whole);
  return text.length > MAX_TOLD ? `${text.slice(0, MAX_TOLD)}…` : text;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

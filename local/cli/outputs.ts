/** Reads what `cdk deploy --outputs-file` wrote: where a deployed stack is. */
import { readFileSync } from 'node:fs';

const OUTPUT_NAMES = [
  'WebSocketUrl',
  'HttpUrl',
  'EventBusName',
  'NotifyFunctionName',
  'OutboxTableName',
  'JwtSecretArn',
] as const;

export type Outputs = Partial<Record<(typeof OUTPUT_NAMES)[number], string>>;

/** The outputs of one stack, from a file that holds those of each by name. Throws an error of one line. */
export function readOutputs(file: string, stack: string | undefined): Outputs {
  const stacks = Object.entries(readJson(file)).filter(
    (entry): entry is [string, Outputs] =>
      typeof entry[1] === 'object' && entry[1] !== null && 'WebSocketUrl' in entry[1],
  );
  const names = stacks.map(([name]) => name).join(', ');
  const found = stacks.filter(([name]) => stack === undefined || name === stack);
  const [first, another] = found;
  if (another) throw new Error(`--outputs ${file} has several stacks, choose one with --stack: ${names}`);
  if (first) return first[1];
  if (names !== '') throw new Error(`--stack is "${stack}", but ${file} has ${names}`);
  throw new Error(`--outputs ${file} has no stack of Herald: no output WebSocketUrl`);
}

function readJson(file: string): object {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value === 'object' && value !== null) return value;
  } catch (cause) {
    throw new Error(`--outputs ${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
  throw new Error(`--outputs ${file} is not what cdk deploy --outputs-file writes`);
}

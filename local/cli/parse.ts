/** Reads the options and operands of one command. */
import { parseArgs } from 'node:util';
import type { Command, Option, Options, Values } from './command.ts';

export interface Parsed<Known extends Options> {
  operands: string[];
  values: Values<Known>;
}

/** Throws an error of one line that says where help is. */
export function parseCommand<Known extends Options>(
  name: string,
  { operands, options }: Command<Known>,
  args: string[],
): Parsed<Known> {
  const known = Object.entries(options).map(([option, described]) => [option, settingsOf(described)]);
  try {
    const parsed = parseArgs({ args, options: Object.fromEntries(known), allowPositionals: operands !== '' });
    return { operands: parsed.positionals, values: parsed.values as Values<Known> };
  } catch (error) {
    if (!isArgumentsError(error)) throw error;
    const [told = ''] = error.message.split(/\.\s/);
    throw new Error(`${told}; see herald ${name} --help`, { cause: error });
  }
}

const settingsOf = ({ value, isList = false }: Option) => ({
  type: value === undefined ? ('boolean' as const) : ('string' as const),
  multiple: isList,
});

const isArgumentsError = (error: unknown): error is Error =>
  error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS');

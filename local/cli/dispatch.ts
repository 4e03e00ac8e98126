/** Finds the command that was typed, reads its options, runs it, and tells in one line what is wrong. */
import type { Command } from './command.ts';
import { COMMANDS, isCommandName } from './commands.ts';
import { helpOf, helpOfAll } from './help.ts';
import { parseCommand } from './parse.ts';

/** What goes wrong becomes one line and exit code 1. A command may go on after it, as `start` does until Ctrl-C. */
export async function dispatch(words: string[]): Promise<void> {
  try {
    await runCommand(words);
  } catch (error) {
    process.stderr.write(`${explained(error)}\n`);
    process.exitCode = 1;
  }
}

/** Rejects with an error of one line. */
export async function runCommand([name, ...args]: string[]): Promise<void> {
  if (name === undefined || name === '--help' || name === '-h') {
    process.stdout.write(helpOfAll(COMMANDS));
    return;
  }
  if (!isCommandName(name))
    throw new Error(`unknown command "${name}", expected ${Object.keys(COMMANDS).join(', ')}`);
  const command: Command = COMMANDS[name];
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(helpOf(name, command));
    return;
  }
  const { operands, values } = parseCommand(name, command, args);
  await command.run(operands, values);
}

const explained = (error: unknown): string =>
  error instanceof Error ? error.message.replaceAll('\n', ' ') : String(error);

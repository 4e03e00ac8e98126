/** Help, printed from the table of commands: of all of them, or of one with its options. */
import type { Command, Option } from './command.ts';

const HELP_OPTION: Option = { help: 'print this' };

export function helpOfAll(commands: Record<string, Command>): string {
  const names = Object.keys(commands);
  const width = Math.max(...names.map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `Usage: herald <command> [options]

${lines.join('\n')}

herald <command> --help tells the options of a command.
`;
}

export function helpOf(name: string, { summary, operands, options, notes }: Command): string {
  const usage = ['herald', name, operands, '[options]'].filter(Boolean).join(' ');
  const rows = Object.entries({ ...options, help: HELP_OPTION }).map(([option, { value, help }]) => ({
    written: `--${option}${value === undefined ? '' : ` ${value}`}`,
    help,
  }));
  const width = Math.max(...rows.map(({ written }) => written.length));
  const lines = rows.map(
    ({ written, help }) =>
      `  ${written.padEnd(width)}  ${help.replaceAll('\n', `\n${' '.repeat(width + 4)}`)}`,
  );
  return [`Usage: ${usage}`, summary, lines.join('\n'), ...(notes ? [notes] : [])].join('\n\n').concat('\n');
}

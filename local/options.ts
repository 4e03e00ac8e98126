/** Reads the command line of `npm start`. */
import { parseArgs } from 'node:util';
import type { StackOptions } from './stack.ts';

const DEFAULT_PORT = 8787;

export const HELP = `Runs Herald on this machine: npm start -- [options]

  --port N                    port for everything (default ${DEFAULT_PORT}; 0: any free one)
  --data DIR                  keep the data in DIR (default: in memory, gone at the end)
  --idle-seconds N            close a connection after so long without data (default 600)
  --max-connection-seconds N  close every connection after so long (default 7200)
  --bundles                   run the bundles CDK deploys, each in a process of its own with the environment
                              CDK gives it (default: the sources, in a thread of their own)
  --cdk-out DIR               with --bundles: take them from DIR, as cdk synth left it (default: make them)
  --quiet                     do not print what the Lambdas log
  --help                      print this

Tokens are HS256, signed with HERALD_JWT_SECRET (default: a fixed secret, printed at the start).
Signatures of HTTPS and AWS requests (SigV4) are not checked here; on AWS they are.
`;

export type Command = { help: true } | ({ help: false } & StackOptions);

/** Throws an error of one line. */
export function parseOptions(args: string[]): Command {
  const { values } = parseArgs({
    args,
    strict: true,
    allowPositionals: false,
    options: {
      port: { type: 'string' },
      data: { type: 'string' },
      'idle-seconds': { type: 'string' },
      'max-connection-seconds': { type: 'string' },
      bundles: { type: 'boolean' },
      'cdk-out': { type: 'string' },
      quiet: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return { help: true };
  if (values.data === '') throw new Error('--data is empty, expected a directory');
  return {
    help: false,
    port: integer('--port', values.port, 0, 65_535) ?? DEFAULT_PORT,
    dataDir: values.data,
    quiet: values.quiet,
    bundles: bundles(values.bundles, values['cdk-out']),
    gateway: {
      ...duration('idleMs', '--idle-seconds', values['idle-seconds']),
      ...duration('maxAgeMs', '--max-connection-seconds', values['max-connection-seconds']),
    },
  };
}

function bundles(wanted = false, assembly: string | undefined): StackOptions['bundles'] {
  if (assembly === '') throw new Error('--cdk-out is empty, expected a directory');
  if (assembly !== undefined && !wanted) throw new Error('--cdk-out is for --bundles, which is not given');
  return wanted ? { assembly } : undefined;
}

/** More would overflow the timers. */
const MAX_SECONDS = 1_000_000;

function duration<Name extends string>(
  name: Name,
  option: string,
  text: string | undefined,
): { [K in Name]?: number } {
  const seconds = integer(option, text, 1, MAX_SECONDS);
  return seconds === undefined ? {} : ({ [name]: seconds * 1000 } as { [K in Name]?: number });
}

function integer(option: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new Error(`${option} is "${text}", expected an integer from ${min} to ${max}`);
}

/** Our packages in the hands of somebody else: packed, installed from the tarball with plain `npm install`, run on an older Node. */
import { execFileSync, spawnSync } from 'node:child_process';
import { lstatSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

/** Only so that a hung program ends: how long one takes is up to the network and the machine's load. */
const LIMIT_MS = 300_000;

const SHELL = process.platform === 'win32';

/** `npm` and what it runs find the `node` that runs us first. */
const environment = (node = process.execPath): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: [dirname(node), process.env.PATH].join(delimiter),
  // Of the `npm run` that runs us: another npm would take our folder for its own.
  ...Object.fromEntries(
    Object.keys(process.env)
      .filter(isOfNpm)
      .map((name) => [name, undefined]),
  ),
});

const isOfNpm = (name: string): boolean =>
  /^(?:npm_(?!config_(?:cache|registry|userconfig)$)|INIT_CWD$)/.test(name);

export function npm(cwd: string, ...args: string[]): string {
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  // First, since of `npm exec` the program gets what comes last.
  return execFileSync('npm', [...quiet, ...args], {
    encoding: 'utf8',
    timeout: LIMIT_MS,
    env: environment(),
    cwd,
    shell: SHELL,
  }).trim();
}

/** Returns the path of the tarball, made in `folder`. */
export function pack(folder: string, ...workspace: string[]): string {
  const printed = npm(ROOT, 'pack', '--silent', '--pack-destination', folder, ...workspace);
  return join(folder, printed.split('\n').at(-1) ?? '');
}

export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program of JavaScript or TypeScript in `cwd`, on `node`. */
export function run(cwd: string, args: string[], { node = process.execPath, env = {} } = {}): Ended {
  const { status, stdout, stderr } = spawnSync(node, args, {
    encoding: 'utf8',
    timeout: LIMIT_MS,
    cwd,
    env: { ...environment(node), ...env },
  });
  return { status, stdout, stderr };
}

/** Of all files in it. */
export const bytesIn = (folder: string): number =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => lstatSync(join(folder, name)))
    .reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);

/** The oldest Node we promise to run on: the one of this machine if it is that old, else one from the registry. */
export function node20(folder: string): string {
  const ours = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((directory) => !directory.includes('node_modules'))
    .map((directory) => join(directory, process.platform === 'win32' ? 'node.exe' : 'node'))
    .find((program) => versionOf(program)?.startsWith('v20.'));
  const program = ours ?? nodeFromRegistry(folder);
  console.log(`Node 20 is ${versionOf(program)}, ${program}`);
  return program;
}

/** Undefined: there is no such program. */
function versionOf(program: string): string | undefined {
  const { status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

function nodeFromRegistry(folder: string): string {
  return npm(folder, 'exec', '--yes', '--package', 'node@20', '--', 'node', '-p', 'process.execPath');
}

/** The compiler of this repository. */
export const typescript = join(
  dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin',
  'tsc',
);

/** Installs the last TypeScript that still resolves modules as Node 10 did, and returns its compiler. */
export function olderTypescript(folder: string): string {
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  npm(folder, 'install', 'typescript@5');
  return join(folder, 'node_modules', 'typescript', 'bin', 'tsc');
}

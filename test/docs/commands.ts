/** Reads the command lines of the documentation, and runs programs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { ROOT } from './blocks.ts';

/** One or more parts of a word: quoted, or not. */
const WORD = /(?:'[^']*'|"(?:\\.|[^"\\])*"|[^\s'"])+/g;
const PART = /'([^']*)'|"((?:\\.|[^"\\])*)"|([^\s'"]+)/g;

const expand = (text: string, vars: Record<string, string>) =>
  text.replaceAll(/\$([A-Z_]+)/g, (_, name: string) => {
    const value = vars[name];
    if (value === undefined) throw new Error(`$${name} is not known to the test`);
    return value;
  });

const wordOf = (written: string, vars: Record<string, string>) =>
  [...written.matchAll(PART)]
    .map(
      ([, single, double, bare]) => single ?? expand(double?.replaceAll(/\\(.)/g, '$1') ?? bare ?? '', vars),
    )
    .join('');

/** The commands of a block as words, much as a shell takes them: one on each line, or between `&&`. */
export const commandsOf = (text: string, vars: Record<string, string> = {}): string[][] =>
  text
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.replace(/\s#.*$/, ''))
    .flatMap((line) => line.split('&&'))
    .map((command) => [...command.matchAll(WORD)].map(([word]) => wordOf(word, vars)))
    .filter((words) => words.length > 0);

/** The words after those that begin the one command of a block. */
export function argumentsOf(text: string, begin: string, vars: Record<string, string> = {}): string[] {
  const beginning = begin.split(' ');
  const found = commandsOf(text, vars).filter((words) => beginning.every((word, at) => words[at] === word));
  const [words] = found;
  if (words === undefined || found.length > 1) throw new Error(`${found.length} commands are ${begin}`);
  return words.slice(beginning.length);
}

export interface Run {
  child: ChildProcess;
  output: { stdout: string; stderr: string };
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
  /** Resolves when the output holds so many of it; rejects when the program ends before, or in 15 s. */
  prints(pattern: RegExp, count?: number): Promise<string[]>;
}

const DEADLINE_MS = 45_000;

export function start(program: string, args: string[], env: Record<string, string> = {}, cwd = ROOT): Run {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env } });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const ended = once(child, 'close').then(([code]: (number | null)[]) => ({ code: code ?? null, ...output }));
  return { child, output, ended, prints: (pattern, count = 1) => printed({ child, output }, pattern, count) };
}

function printed({ child, output }: Pick<Run, 'child' | 'output'>, pattern: RegExp, count: number) {
  const { promise, resolve, reject } = Promise.withResolvers<string[]>();
  const found = () =>
    [...output.stdout.matchAll(new RegExp(pattern, 'gm'))].map(([, first, all = first]) => all ?? '');
  const look = () => found().length >= count && resolve(found());
  const fail = () =>
    reject(new Error(`never printed ${count} of ${pattern}:\n${output.stdout}${output.stderr}`));
  const deadline = setTimeout(fail, DEADLINE_MS);
  child.stdout?.on('data', look);
  child.once('close', fail).once('error', reject);
  look();
  return promise.finally(() => {
    clearTimeout(deadline);
    child.stdout?.off('data', look);
    child.off('close', fail).off('error', reject);
  });
}

export const node = (args: string[], env: Record<string, string> = {}, cwd?: string): Run =>
  start(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], env, cwd);

export async function stop({ child, ended }: Run): Promise<void> {
  child.kill('SIGKILL');
  await ended;
}

/** Whether this machine has a program and it does that much. */
export async function works(program: string, ...args: string[]): Promise<boolean> {
  try {
    const { code } = await start(program, args).ended;
    return code === 0;
  } catch {
    return false;
  }
}

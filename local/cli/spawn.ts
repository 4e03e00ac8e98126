/** Runs the local stack in a process of its own, as `npm start` does: for the demo and the end-to-end tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { programBeside } from '../program.ts';

const PROGRAM = programBeside(import.meta.url, 'cli');
const START_DEADLINE_MS = 30_000;
/** Bundles are made first. */
const BUNDLES_DEADLINE_MS = 120_000;

export interface SpawnedStack {
  pid: number | undefined;
  wsUrl: string;
  httpUrl: string;
  /** All the process has printed so far. */
  output(): string;
  /** As Ctrl-C; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** As `kill -9`. */
  kill(): Promise<void>;
}

/** Resolves once all is up, on a free port unless `args` name one. Rejects with what it printed if it does not start. */
export async function spawnStack(args: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<SpawnedStack> {
  const child = spawn(process.execPath, [PROGRAM, 'start', '--port', '0', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const deadlineMs = args.includes('--bundles') ? BUNDLES_DEADLINE_MS : START_DEADLINE_MS;
  const httpUrl = await printedUrl(child, () => output, deadlineMs);
  return {
    pid: child.pid,
    httpUrl,
    wsUrl: `${httpUrl.replace('http:', 'ws:')}/local`,
    output: () => output,
    stop: () => end(child, 'SIGINT'),
    kill: async () => {
      await end(child, 'SIGKILL');
    },
  };
}

/** The stack prints its URLs when it is ready. */
async function printedUrl(child: ChildProcess, output: () => string, deadlineMs: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const fail = (why: string) => reject(new Error(`the local stack ${why}:\n${output()}`));
  const deadline = setTimeout(() => {
    fail('did not start in time');
    child.kill('SIGKILL');
  }, deadlineMs);
  const look = () => {
    const url = output().match(/http:\/\/127\.0\.0\.1:\d+/)?.[0];
    if (url) resolve(url);
  };
  const exited = () => fail('did not start');
  child.stdout?.on('data', look);
  child.once('close', exited).once('error', reject);
  try {
    return await promise;
  } finally {
    clearTimeout(deadline);
    child.stdout?.off('data', look);
    child.off('close', exited);
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
  return child.exitCode;
}

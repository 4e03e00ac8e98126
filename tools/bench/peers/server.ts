/** Servers that the system has as packages: on a free port of this machine, in a folder of their own, ended by their ids. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const START_DEADLINE_MS = 10_000;
const STOP_DEADLINE_MS = 10_000;

export interface Server {
  pid: number;
  /** Its folder goes with it. */
  stop(): Promise<void>;
}

/** Servers are where the PATH of an ordinary user does not look. */
export function findServer(command: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, command)).find((path) => existsSync(path));
}

/** `prepare` returns the arguments, and writes into the folder what the server reads. */
export async function startServer(
  command: string,
  port: number,
  prepare: (folder: string) => string[] | Promise<string[]>,
): Promise<Server> {
  const path = findServer(command);
  if (!path) throw new Error(`${command} is not installed`);
  const folder = await mkdtemp(join(tmpdir(), `herald-bench-${command}-`));
  const child = spawn(path, await prepare(folder), { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => {
      output += text;
    });
  const stop = async () => {
    await terminate(child);
    await rm(folder, { recursive: true, force: true });
  };
  const deadlineAt = Date.now() + START_DEADLINE_MS;
  while (!(await isListening(port))) {
    if (child.exitCode !== null || Date.now() > deadlineAt) {
      await stop();
      throw new Error(`${command} did not start: ${output}`);
    }
    await sleep(50);
  }
  return { pid: child.pid ?? 0, stop };
}

export const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
  });

export async function terminate(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const forced = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  await ended;
  clearTimeout(forced);
}

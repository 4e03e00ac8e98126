/** Runs dynoxide, a DynamoDB server with streams in one binary, as a child of this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';

export interface DynamoDbServer {
  endpoint: string;
  stop(): Promise<void>;
}

export interface DynamoDbOptions {
  /** Where it keeps its data. Default: in memory. */
  dataFile?: string | undefined;
}

const HOST = '127.0.0.1';
const START_DEADLINE_MS = 10_000;
const STOP_DEADLINE_MS = 5_000;
const POLL_MS = 10;
/** Another process may take the port between our finding it free and the server's binding it. */
const PORT_TRIES = 5;

/**
 * Starts a server on a free loopback port and waits until it answers. With `DYNAMODB_ENDPOINT` in the environment
 * it starts nothing and uses that one. Throws an error of one line when the server cannot be started.
 */
export async function startDynamoDb({ dataFile }: DynamoDbOptions = {}): Promise<DynamoDbServer> {
  const given = process.env.DYNAMODB_ENDPOINT;
  if (given) return await foreign(given);

  const binary = findBinary();
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const storage = dataFile === undefined ? [] : ['--db-path', dataFile];
    const server = run(binary, ['serve', '--host', HOST, '--port', String(port), ...storage]);
    try {
      await untilAnswers(server, `http://${HOST}:${port}`);
      return { endpoint: `http://${HOST}:${port}`, stop: () => stop(server.child) };
    } catch (error) {
      await stop(server.child);
      if (!server.output().includes('already in use') || attempt === PORT_TRIES) throw error;
    }
  }
}

/** It is somebody else's to stop. */
async function foreign(endpoint: string): Promise<DynamoDbServer> {
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint))
    throw new Error(`DYNAMODB_ENDPOINT is "${endpoint}", expected http://… or https://…`);
  try {
    await fetch(endpoint, { signal: AbortSignal.timeout(START_DEADLINE_MS) });
  } catch (error) {
    const { message, cause } = error as Error;
    const why = cause instanceof Error ? cause.message : message;
    throw new Error(`DYNAMODB_ENDPOINT ${endpoint} cannot be reached: ${why}`, { cause: error });
  }
  return { endpoint, stop: async () => {} };
}

/** Each platform's binary is a package of its own; npm installs the one that fits this machine. */
function findBinary(): string {
  const name = `@dynoxide/${process.platform}-${process.arch}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return join(dirname(manifest), process.platform === 'win32' ? 'dynoxide.exe' : 'dynoxide');
  } catch (cause) {
    throw new Error(
      `The DynamoDB server is missing: run npm install ${name}, or set DYNAMODB_ENDPOINT to one of your own`,
      { cause },
    );
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, HOST);
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('The system gave no port');
  return address.port;
}

interface Running {
  child: ChildProcess;
  /** All it has printed while starting. */
  output(): string;
}

const isPosix = process.platform !== 'win32';

/** In its own process group: Ctrl-C is this process's to handle, which may still have rows to write. */
function run(binary: string, args: string[]): Running {
  const child = spawn(binary, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: isPosix,
    windowsHide: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-2000);
    });
  }
  child.on('error', (error) => {
    output += error.message;
  });
  if (isPosix && child.pid !== undefined) leash(child, child.pid);
  return { child, output: () => output };
}

/** Should this process be killed without a chance to stop the server, a shell that waits for our end stops it. */
function leash(child: ChildProcess, pid: number): void {
  const watcher = spawn('/bin/sh', ['-c', 'read -r _; kill "$0"', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // Without a shell there is no leash; the server runs all the same.
  watcher.on('error', () => {});
  watcher.unref();
  child.once('exit', () => watcher.kill('SIGKILL'));
}

/** It says that it listens before we ask, so that no other server on the same port can answer for it. */
async function untilAnswers({ child, output }: Running, endpoint: string): Promise<void> {
  const deadlineAt = Date.now() + START_DEADLINE_MS;
  while (!(output().includes('listening on') && (await answers(endpoint)))) {
    const said = output().trim().split('\n').at(-1);
    if (hasEnded(child)) throw new Error(`The DynamoDB server ended as it started: ${said}`);
    if (Date.now() > deadlineAt) throw new Error(`The DynamoDB server did not answer: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    return (await fetch(endpoint, { signal: AbortSignal.timeout(1000) })).ok;
  } catch {
    return false; // Not yet: the caller asks again until its deadline.
  }
}

const hasEnded = ({ pid, exitCode, signalCode }: ChildProcess): boolean =>
  pid === undefined || exitCode !== null || signalCode !== null;

async function stop(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const forced = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  await ended;
  clearTimeout(forced);
}

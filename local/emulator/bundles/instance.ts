/** A process that holds one Lambda, as seen from the stack: started, given one event at a time, ended. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { programBeside } from '../../program.ts';
import { type ContextData, type Failure, LambdaError } from '../lambdas.ts';
import { eachLine } from '../lines.ts';
import type { Bundle } from './assembly.ts';

const RUNTIME = programBeside(import.meta.url, 'runtime');

export interface ToInstance {
  /** JSON text, as Lambda hands it over. */
  event: string;
  context: ContextData;
  deadlineAt: number;
}

export type FromInstance =
  | { outcome: 'loaded' }
  | { outcome: 'returned'; result: string }
  | { outcome: 'threw'; failure: Failure };

export interface Instance {
  /** One at a time. Rejects with a {@link LambdaError} when the Lambda threw or its process ended. */
  run(message: ToInstance): Promise<unknown>;
  readonly hasEnded: boolean;
  end(): Promise<void>;
}

export interface InstanceOptions {
  bundle: Bundle;
  /** All of it: nothing of our own is added. */
  environment: Record<string, string>;
  quiet: boolean;
  /** Hears what the Lambda writes, line by line. */
  told: (line: string) => void;
}

/** Resolves when the bundle is loaded. Rejects with a {@link LambdaError} when it does not load. */
export async function startInstance({
  bundle,
  environment,
  quiet,
  told,
}: InstanceOptions): Promise<Instance> {
  const child = fork(RUNTIME, [bundle.file, bundle.exportName], {
    cwd: bundle.folder,
    env: environment,
    execArgv: [],
    stdio: ['ignore', quiet ? 'ignore' : 'pipe', 'inherit', 'ipc'],
  });
  eachLine(child.stdout, told);
  const end = async () => {
    if (hasEnded(child)) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  try {
    await answer(child);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    async run(message) {
      const answered = answer(child);
      child.send(message, () => {}); // what cannot be sent to a process that has ended, `answer` tells
      return await answered;
    },
    get hasEnded() {
      return hasEnded(child);
    },
    end,
  };
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null;

/** The next thing the process says. */
async function answer(child: ChildProcess): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const told = (message: unknown) => {
    const said = message as FromInstance;
    if (said.outcome === 'threw') reject(LambdaError.of(said.failure));
    else resolve(said.outcome === 'returned' ? JSON.parse(said.result) : undefined);
  };
  const exited = () => {
    const status = child.exitCode === null ? `signal ${child.signalCode}` : `status ${child.exitCode}`;
    reject(new LambdaError('Runtime.ExitError', `Runtime exited with ${status}`));
  };
  if (hasEnded(child)) exited();
  child.on('message', told).on('exit', exited).on('error', reject);
  try {
    return await promise;
  } finally {
    child.off('message', told).off('exit', exited).off('error', reject);
  }
}

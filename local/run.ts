/** Runs the local stack until Ctrl-C. */
import { type Stack, type StackOptions, startStack } from './stack.ts';
import { welcome } from './welcome.ts';

/** Resolves once the stack is up; rejects with an error of one line when it cannot start. */
export async function runStack(options: StackOptions): Promise<void> {
  let stack: Stack | undefined;
  let stopping = false;
  const stop = async () => {
    if (stopping) process.exit(1);
    stopping = true;
    process.stderr.write('\nStopping …\n');
    await stack?.stop();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop());
  try {
    stack = await startStack(options);
  } catch (error) {
    throw portProblem(error) ?? error;
  }
  const greeting = welcome(stack, options);
  process.stdout.write(greeting);
  // Whoever is at the keyboard finds the URLs again, however much has scrolled by.
  if (process.stdin.isTTY) process.stdin.on('data', () => process.stdout.write(greeting));
}

function portProblem(error: unknown): Error | undefined {
  const { code, port } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE')
    return new Error(`Port ${port} is in use: choose another with --port, or --port 0 for any free one`);
  if (code === 'EACCES' && port !== undefined)
    return new Error(`Port ${port} may not be used: choose another with --port`);
  return undefined;
}

/** Loads the Lambdas into this process. They read the environment as they are loaded. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { FunctionSettings, LambdaHandler } from './lambdas.ts';

/** Each with its time limit in seconds, the same as on AWS. */
const FUNCTIONS = {
  authorizer: 10,
  connect: 10,
  disconnect: 10,
  frame: 29,
  notify: 29,
  users: 29,
  replay: 120,
} as const;

export const FUNCTION_NAMES = Object.keys(FUNCTIONS);

/** A second stack in the same process needs the modules anew, since they have read the environment of the first. */
let loads = 0;

/** `quiet`: what the Lambdas write to standard output is dropped. */
export async function loadHandlers({ quiet }: { quiet: boolean }): Promise<Record<string, FunctionSettings>> {
  const anew = loads++ === 0 ? '' : `?load=${loads}`;
  const entries = Object.entries(FUNCTIONS).map(async ([name, timeoutSeconds]) => {
    const url = new URL(`../lambdas/handlers/${name}.ts${anew}`, import.meta.url);
    const { handler } = (await import(url.href)) as { handler: LambdaHandler };
    return [name, { handler: quiet ? quietly(handler) : handler, timeoutMs: timeoutSeconds * 1000 }];
  });
  return Object.fromEntries(await Promise.all(entries));
}

const silence = new AsyncLocalStorage<true>();
let muted = false;

function quietly(handler: LambdaHandler): LambdaHandler {
  if (!muted) muteStdout();
  return (event, context) => silence.run(true, () => handler(event, context));
}

function muteStdout(): void {
  muted = true;
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = ((...args: Parameters<typeof write>) =>
    silence.getStore() || write(...args)) as typeof process.stdout.write;
}

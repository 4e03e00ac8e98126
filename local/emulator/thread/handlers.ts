/** The sources of the Lambdas. They read the environment as they are loaded. */
import type { FunctionSettings, LambdaHandler } from '../lambdas.ts';

/** Each with its time limit in seconds, the same as on AWS. */
const FUNCTIONS = {
  authorizer: 10,
  connect: 10,
  disconnect: 10,
  message: 29,
  notify: 29,
  users: 29,
  reconcile: 120,
} as const;

export const FUNCTION_NAMES = Object.keys(FUNCTIONS);

export const timeLimitMs = (name: string): number => (FUNCTIONS[name as keyof typeof FUNCTIONS] ?? 0) * 1000;

export async function loadHandlers(): Promise<Record<string, FunctionSettings>> {
  const entries = FUNCTION_NAMES.map(async (name) => {
    const url = new URL(`../../../lambdas/handlers/${name}.ts`, import.meta.url);
    const { handler } = (await import(url.href)) as { handler: LambdaHandler };
    return [name, { handler, timeoutMs: timeLimitMs(name) }];
  });
  return Object.fromEntries(await Promise.all(entries));
}

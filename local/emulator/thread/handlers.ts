/** The sources of the Lambdas. Their entries read the environment as they are loaded. */
import { isLambdaName, LAMBDAS, type LambdaName } from '../../../lambdas/manifest.ts';
import type { FunctionSettings, LambdaHandler } from '../lambdas.ts';

export const timeLimitMs = (name: string): number =>
  isLambdaName(name) ? LAMBDAS[name].timeoutSeconds * 1000 : 0;

export async function loadHandlers(names: readonly LambdaName[]): Promise<Record<string, FunctionSettings>> {
  const entries = names.map(async (name) => {
    const url = new URL(`../../../lambdas/entry/${name}.ts`, import.meta.url);
    const { handler } = (await import(url.href)) as { handler: LambdaHandler };
    const { memoryMegabytes } = LAMBDAS[name];
    return [name, { handler, timeoutMs: timeLimitMs(name), memoryMegabytes }];
  });
  return Object.fromEntries(await Promise.all(entries));
}

/**
 * The program of a process that holds one Lambda, in place of Lambda's runtime: loads the bundle, then answers one event
 * after the other. Arguments: the bundle's file and the name of its handler.
 */
import { pathToFileURL } from 'node:url';
import type { Failure, LambdaContext, LambdaHandler } from '../lambdas.ts';
import type { FromInstance, ToInstance } from './instance.ts';

const [file = '', exportName = ''] = process.argv.slice(2);

const tell = (message: FromInstance): void => void process.send?.(message);

const failure = (error: unknown): Failure =>
  error instanceof Error
    ? { errorType: error.name, errorMessage: error.message, trace: error.stack?.split('\n') ?? [] }
    : { errorType: typeof error, errorMessage: String(error), trace: [] };

async function load(): Promise<LambdaHandler> {
  const handler: unknown = (await import(pathToFileURL(file).href))[exportName];
  if (typeof handler === 'function') return handler as LambdaHandler;
  throw new Error(`it exports no function ${exportName}`);
}

async function run(handler: LambdaHandler, { event, context, deadlineAt }: ToInstance): Promise<void> {
  const complete: LambdaContext = {
    ...context,
    getRemainingTimeInMillis: () => Math.max(0, deadlineAt - Date.now()),
  };
  try {
    const result = JSON.stringify(await handler(JSON.parse(event), complete)) ?? 'null';
    tell({ outcome: 'returned', result });
  } catch (error) {
    tell({ outcome: 'threw', failure: failure(error) });
  }
}

process.on('SIGINT', () => {}); // Ctrl-C reaches us too; the stack still needs us, and ends us when it is done
process.on('disconnect', () => process.exit()); // the stack is gone, however it ended

try {
  const handler = await load();
  process.on('message', (message) => void run(handler, message as ToInstance));
  tell({ outcome: 'loaded' });
} catch (error) {
  tell({ outcome: 'threw', failure: failure(error) });
}

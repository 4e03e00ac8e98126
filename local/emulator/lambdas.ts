/**
 * Runs Lambdas as the Lambda service does: event and result pass through JSON, a run has a time limit and a context.
 * Everything of the local stack that invokes one goes through {@link Lambdas}, wherever the Lambda itself runs.
 */
import { randomUUID } from 'node:crypto';

export const ACCOUNT = '000000000000';
export const REGION = 'us-east-1';

/** What a run is told about itself. */
export interface ContextData {
  awsRequestId: string;
  functionName: string;
  functionVersion: string;
  invokedFunctionArn: string;
  memoryLimitInMB: string;
}

export interface LambdaContext extends ContextData {
  getRemainingTimeInMillis(): number;
}

export type LambdaHandler = (event: unknown, context: LambdaContext) => unknown;

export interface Lambdas {
  has(name: string): boolean;
  /** Rejects with a {@link LambdaError} when the Lambda threw or ran out of time. `requestId`: that of the first try, when this is a later one. */
  invoke(name: string, event: unknown, requestId?: string): Promise<unknown>;
}

/** The JSON of a {@link LambdaError}. */
export interface Failure {
  errorType: string;
  errorMessage: string;
  trace: string[];
}

/** A run that failed, as Lambda tells its callers. */
export class LambdaError extends Error {
  override readonly name = 'LambdaError';
  readonly errorType: string;
  readonly trace: string[];

  constructor(errorType: string, message: string, trace: string[] = []) {
    super(message);
    this.errorType = errorType;
    this.trace = trace;
  }

  static of({ errorType, errorMessage, trace }: Failure): LambdaError {
    return new LambdaError(errorType, errorMessage, trace);
  }

  toJSON(): Failure {
    return { errorType: this.errorType, errorMessage: this.message, trace: this.trace };
  }
}

export interface FunctionSettings {
  handler: LambdaHandler;
  /** @default 30 s */
  timeoutMs?: number | undefined;
  /** Only told, not enforced. @default 256 */
  memoryMegabytes?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 30_000;

export const functionArn = (name: string): string =>
  `arn:aws:lambda:${REGION}:${ACCOUNT}:function:herald-${name}`;

/** `name` may be written as `notify`, as `herald-notify` or as an ARN that ends so, with a version or an alias or without. */
export const functionName = (name: string): string =>
  name
    .replace(/^arn:aws:lambda:[^:]+:\d*:function:/, '')
    .replace(/:[^:]*$/, '')
    .replace(/^herald-/, '');

/** Runs the handlers in this process. One that exceeds its time is given up, but cannot be stopped. */
export function createLambdas(functions: Record<string, FunctionSettings>): Lambdas {
  return {
    has: (name) => Object.hasOwn(functions, name),
    async invoke(name, event, requestId = randomUUID()) {
      const lambda = Object.hasOwn(functions, name) ? functions[name] : undefined;
      if (!lambda) throw new Error(`There is no Lambda ${name}`);
      const timeoutMs = lambda.timeoutMs ?? DEFAULT_TIMEOUT_MS;
      const run = runHandler(
        lambda.handler,
        throughJson(event),
        contextOf(name, requestId, { ...lambda, timeoutMs }),
      );
      return await within(timeoutMs, run, () => timedOut(requestId, timeoutMs));
    },
  };
}

async function runHandler(handler: LambdaHandler, event: unknown, context: LambdaContext): Promise<unknown> {
  try {
    return throughJson(await handler(event, context));
  } catch (error) {
    throw asLambdaError(error);
  }
}

/** A value JSON cannot say, as `undefined`, becomes `null`. */
const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value) ?? 'null');

function asLambdaError(error: unknown): LambdaError {
  if (!(error instanceof Error)) return new LambdaError(typeof error, String(error));
  return new LambdaError(error.name, error.message, error.stack?.split('\n') ?? []);
}

export const timedOut = (requestId: string, timeoutMs: number): LambdaError =>
  new LambdaError(
    'Sandbox.Timedout',
    `RequestId: ${requestId} Error: Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`,
  );

const DEFAULT_MEMORY_MEGABYTES = 256;

export const contextData = (
  name: string,
  awsRequestId: string,
  memoryMegabytes = DEFAULT_MEMORY_MEGABYTES,
): ContextData => ({
  awsRequestId,
  functionName: `herald-${name}`,
  functionVersion: '$LATEST',
  invokedFunctionArn: functionArn(name),
  memoryLimitInMB: String(memoryMegabytes),
});

const contextOf = (
  name: string,
  awsRequestId: string,
  { timeoutMs, memoryMegabytes }: FunctionSettings & { timeoutMs: number },
): LambdaContext => {
  const endsAt = Date.now() + timeoutMs;
  return {
    ...contextData(name, awsRequestId, memoryMegabytes),
    getRemainingTimeInMillis: () => Math.max(0, endsAt - Date.now()),
  };
};

/** Rejects with `fault()` when `work` is not done in time. */
export async function within<T>(milliseconds: number, work: Promise<T>, fault: () => Error): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(fault()), milliseconds);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

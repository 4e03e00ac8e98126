/** Starts the Lambdas of the local stack: their sources in this process, or the bundles CDK deploys. */
import { startBundledLambdas } from './bundles/lambdas.ts';
import {
  applyEnvironment,
  JWT_SECRET_NAME,
  lambdaEnvironment,
  serviceEnvironment,
  TABLE_NAMES,
} from './environment.ts';
import { FUNCTION_NAMES, loadHandlers } from './handlers.ts';
import { createLambdas, type Lambdas } from './lambdas.ts';
import { secretArn } from './services/json-services.ts';
import type { StackOptions } from './stack.ts';

/** Puts into `stops` how they are stopped. */
export async function startLambdas(
  { quiet = false, bundles }: Pick<StackOptions, 'quiet' | 'bundles'>,
  httpUrl: string,
  dynamodbUrl: string,
  stops: (() => unknown)[],
): Promise<Lambdas> {
  if (!bundles) {
    stops.push(applyEnvironment(lambdaEnvironment(httpUrl, dynamodbUrl)));
    return createLambdas(await loadHandlers({ quiet }));
  }
  const lambdas = await startBundledLambdas({
    names: FUNCTION_NAMES,
    assembly: bundles.assembly,
    local: { tables: TABLE_NAMES, secretArn: secretArn(JWT_SECRET_NAME), httpUrl },
    services: serviceEnvironment(httpUrl, dynamodbUrl),
    quiet,
  });
  stops.push(lambdas.stop);
  return lambdas;
}

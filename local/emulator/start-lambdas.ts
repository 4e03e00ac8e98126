/** Starts the Lambdas of the local stack: their sources in a thread of their own, or the bundles CDK deploys. */
import { LAMBDA_NAMES } from '../../lambdas/manifest.ts';
import { startBundledLambdas } from './bundles/lambdas.ts';
import { JWT_SECRET_NAME, lambdaEnvironment, serviceEnvironment, TABLE_NAMES } from './environment.ts';
import type { Lambdas } from './lambdas.ts';
import { secretArn } from './services/json-services.ts';
import { startThreadLambdas } from './thread/lambdas.ts';

export interface LambdaOptions {
  /** Drop what the Lambdas log. @default false */
  quiet?: boolean | undefined;
  /**
   * Run the bundles CDK deploys: those of a folder that `cdk synth` has written, or new ones.
   * @default the sources, in a thread of their own
   */
  bundles?: { assembly?: string | undefined } | undefined;
}

/** Puts into `stops` how they are stopped. */
export async function startLambdas(
  { quiet = false, bundles }: LambdaOptions,
  httpUrl: string,
  dynamodbUrl: string,
  stops: (() => unknown)[],
): Promise<Lambdas> {
  const lambdas = bundles
    ? await startBundledLambdas({
        names: LAMBDA_NAMES,
        assembly: bundles.assembly,
        local: { tables: TABLE_NAMES, secretArn: secretArn(JWT_SECRET_NAME), httpUrl },
        services: serviceEnvironment(httpUrl, dynamodbUrl),
        quiet,
      })
    : await startThreadLambdas({ environment: lambdaEnvironment(httpUrl, dynamodbUrl), quiet });
  stops.push(lambdas.stop);
  return lambdas;
}

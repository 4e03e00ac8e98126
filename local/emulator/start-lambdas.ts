/** Starts the Lambdas of the local stack: their sources in a thread of their own, or the bundles CDK deploys. */
import { LAMBDA_NAMES, type LambdaName } from '../../lambdas/manifest.ts';
import { type AppSettings, allowConsole, readSettings } from './app-settings.ts';
import { startBundledLambdas } from './bundles/lambdas.ts';
import { JWT_SECRET_NAME, lambdaEnvironment, serviceEnvironment, TABLE_NAMES } from './environment.ts';
import type { Lambdas } from './lambdas.ts';
import { type Overrides, overrideVars } from './overrides.ts';
import { secretArn } from './services/json-services.ts';
import { startThreadLambdas, type ThreadLambdas, type ThreadOptions } from './thread/lambdas.ts';

export interface LambdaOptions {
  /** Drop what the Lambdas log. @default false */
  quiet?: boolean | undefined;
  /**
   * Run the bundles CDK deploys: those of a folder that `cdk synth` has written, or new ones.
   * @default the sources, in a thread of their own
   */
  bundles?: { assembly?: string | undefined; construct?: string | undefined } | undefined;
  /** Of the sources; bundles have theirs in the template. @default a shared secret, any origin, any type */
  settings?: AppSettings | undefined;
  /** Of the sources and the bundles alike. @default none */
  overrides?: Overrides | undefined;
}

export interface StartedLambdas {
  lambdas: Lambdas;
  settings: AppSettings;
}

/** Where they find the services, and who hears what they write. */
export interface Surroundings {
  httpUrl: string;
  dynamodbUrl: string;
  told: (line: string) => void;
}

/** Puts into `stops` how they are stopped. */
export async function startLambdas(
  { quiet = false, bundles, settings, overrides }: LambdaOptions,
  { httpUrl, dynamodbUrl, told }: Surroundings,
  stops: (() => unknown)[],
): Promise<StartedLambdas> {
  const adapt = (vars: Record<string, string>) =>
    allowConsole({ ...vars, ...overrideVars(overrides) }, httpUrl);
  if (!bundles) {
    const environment = adapt(lambdaEnvironment(httpUrl, dynamodbUrl, settings));
    const lambdas = await startInThreads({ environment, quiet, told }, stops);
    return { lambdas, settings: readSettings(environment) };
  }
  const lambdas = await startBundledLambdas({
    names: LAMBDA_NAMES,
    assembly: bundles.assembly,
    construct: bundles.construct,
    local: { tables: TABLE_NAMES, secretArn: secretArn(JWT_SECRET_NAME), httpUrl },
    services: serviceEnvironment(httpUrl, dynamodbUrl),
    quiet,
    told,
    adapt,
  });
  stops.push(lambdas.stop);
  return { lambdas, settings: readSettings(lambdas.environment) };
}

/**
 * On AWS each run has a machine of its own. Here all Lambdas share one thread but those that post to thousands of connections:
 * everybody else's messages would wait behind these posts. Their thread starts with their first run.
 */
const APART: readonly LambdaName[] = ['fan-out'];

async function startInThreads(
  options: Omit<ThreadOptions, 'names'>,
  stops: (() => unknown)[],
): Promise<Lambdas> {
  const names = LAMBDA_NAMES.filter((name) => !APART.includes(name));
  const shared = await startThreadLambdas({ ...options, names });
  stops.push(shared.stop);
  let apart: Promise<ThreadLambdas> | undefined;
  stops.push(async () => await (await apart?.catch(() => undefined))?.stop());
  const isApart = (name: string) => APART.some((one) => one === name);
  return {
    has: (name) => isApart(name) || shared.has(name),
    async invoke(name, event, requestId) {
      if (!isApart(name)) return await shared.invoke(name, event, requestId);
      apart ??= startThreadLambdas({ ...options, names: APART });
      return await (await apart).invoke(name, event, requestId);
    },
  };
}

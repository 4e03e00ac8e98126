/** Runs the bundled Lambdas behind the same interface as their sources. */
import { randomUUID } from 'node:crypto';
import { contextData, LambdaError, type Lambdas, REGION, timedOut } from '../lambdas.ts';
import { type Bundle, openAssembly, readBundles } from './assembly.ts';
import { createFleet, type Fleet } from './fleet.ts';
import { startInstance } from './instance.ts';
import { type LocalNames, resolveEnvironment } from './template-values.ts';

export interface BundledOptions {
  names: readonly string[];
  /** A folder that `cdk synth` has written. Undefined: it is made. */
  assembly: string | undefined;
  /** The construct's path of the one Herald to run. @default the only one */
  construct?: string | undefined;
  local: LocalNames;
  /** Where the AWS services are, and credentials for them: what Lambda itself would put into the environment. */
  services: Record<string, string>;
  quiet: boolean;
  /** Hears what the Lambdas write, line by line. */
  told: (line: string) => void;
  /** The environment that a Lambda gets instead of the one in the template. @default the same */
  adapt?: (environment: Record<string, string>) => Record<string, string>;
}

export interface BundledLambdas extends Lambdas {
  /** Of all Lambdas together. */
  environment: Record<string, string>;
  stop(): Promise<void>;
}

/** Rejects with an error of one line that names the Lambda when a bundle does not load; then no process is left. */
export async function startBundledLambdas(options: BundledOptions): Promise<BundledLambdas> {
  const { names, assembly: given, construct, local, quiet, told, adapt = (same) => same } = options;
  const assembly = await openAssembly(given);
  const fleets = new Map<string, Fleet>();
  const shared: Record<string, string> = {};
  const stop = async () => {
    await Promise.all([...fleets.values()].map((fleet) => fleet.stop()));
    await assembly.remove();
  };
  try {
    const { bundles, template } = await readBundles(assembly.folder, names, construct);
    const started = await Promise.allSettled(
      bundles.map(async (bundle) => {
        const own = adapt(resolveEnvironment(template, bundle.environment, local));
        Object.assign(shared, own);
        const environment = { ...lambdaVariables(bundle), ...options.services, ...own };
        const start = () => startInstance({ bundle, environment, quiet, told });
        fleets.set(bundle.name, createFleet(await firstOf(bundle, start), start));
      }),
    );
    for (const outcome of started) if (outcome.status === 'rejected') throw outcome.reason;
    return { ...asLambdas(bundles, fleets), environment: shared, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function firstOf<T>({ name }: Bundle, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (cause) {
    throw new Error(`The bundle of ${name} does not start: ${(cause as Error).message}`, { cause });
  }
}

function asLambdas(bundles: Bundle[], fleets: ReadonlyMap<string, Fleet>): Lambdas {
  const byName = new Map(bundles.map((bundle) => [bundle.name, bundle]));
  return {
    has: (name) => byName.has(name),
    async invoke(name, event, requestId = randomUUID()) {
      const [bundle, fleet] = [byName.get(name), fleets.get(name)];
      if (!bundle || !fleet) throw new LambdaError('ResourceNotFound', `There is no Lambda ${name}`);
      const { timeoutMs, memoryMegabytes } = bundle;
      const message = () => ({
        event: JSON.stringify(event),
        context: contextData(name, requestId, memoryMegabytes),
        deadlineAt: Date.now() + timeoutMs,
      });
      return await fleet.invoke(message, timeoutMs, () => timedOut(requestId, timeoutMs));
    },
  };
}

/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime */
const lambdaVariables = ({ name, folder, exportName, memoryMegabytes }: Bundle): Record<string, string> => ({
  _HANDLER: `index.${exportName}`,
  AWS_EXECUTION_ENV: `AWS_Lambda_nodejs${process.versions.node.split('.')[0]}.x`,
  AWS_LAMBDA_FUNCTION_NAME: `herald-${name}`,
  AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMegabytes),
  AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
  AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/herald-${name}`,
  AWS_REGION: REGION,
  AWS_DEFAULT_REGION: REGION,
  LAMBDA_TASK_ROOT: folder,
  LANG: 'en_US.UTF-8',
  PATH: '/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin',
  TZ: ':UTC',
});

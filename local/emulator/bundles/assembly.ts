/** Finds the Lambdas in what `cdk synth` writes: the very bundles, settings and environment that `cdk deploy` uploads. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Resource, Template } from './template-values.ts';

const ROOT = join(import.meta.dirname, '../../..');

export interface Assembly {
  folder: string;
  /** Removes what was made only for us. */
  remove(): Promise<void>;
}

/** `given`: a folder that `cdk synth` has written. Without it a new one is made, which takes some seconds. */
export async function openAssembly(given?: string): Promise<Assembly> {
  if (given !== undefined) return { folder: resolve(given), remove: async () => {} };
  const folder = await mkdtemp(join(tmpdir(), 'herald-bundles-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await synthesize(folder);
    return { folder, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function synthesize(folder: string): Promise<void> {
  const cdk = createRequire(import.meta.url).resolve('aws-cdk/bin/cdk');
  // cdk.json says `node`: it must be the one that runs us.
  const PATH = [dirname(process.execPath), process.env.PATH].join(delimiter);
  try {
    await promisify(execFile)(process.execPath, [cdk, 'synth', '--quiet', '--output', folder], {
      cwd: ROOT,
      env: { ...process.env, PATH },
    });
  } catch (cause) {
    const { stderr = '', message } = cause as Error & { stderr?: string };
    const why = stderr.split('\n').find((line) => /error|✘/i.test(line)) ?? message;
    throw new Error(`The bundles cannot be made, cdk synth failed: ${why.trim()}`, { cause });
  }
}

/** One Lambda as the template describes it. */
export interface Bundle {
  name: string;
  /** What is uploaded. */
  folder: string;
  /** The module in it, and what the module exports. */
  file: string;
  exportName: string;
  timeoutMs: number;
  memoryMegabytes: number;
  /** As in the template: what only a deployment knows is still an intrinsic function. */
  environment: Record<string, unknown>;
}

/** Those of `names`; throws an error of one line when one is missing. */
export async function readBundles(
  folder: string,
  names: readonly string[],
): Promise<{ bundles: Bundle[]; template: Template }> {
  const template = await readTemplate(folder);
  const lambdas = Object.values(template.Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function');
  const bundles = names.map((name) => {
    const lambda = lambdas.find(({ Metadata }) => nameIn(Metadata) === name);
    if (!lambda) throw new Error(`${folder} has no Lambda ${name}`);
    return toBundle(name, folder, lambda);
  });
  return { bundles, template };
}

interface LambdaProperties {
  Handler: string;
  Timeout: number;
  MemorySize: number;
  Environment?: { Variables: Record<string, unknown> };
}

/** `Herald/Backend/Functions/connect/Resource` is the Lambda `connect`. */
const nameIn = (metadata: Record<string, unknown> | undefined): string | undefined =>
  String(metadata?.['aws:cdk:path'] ?? '')
    .split('/')
    .at(-2);

function toBundle(name: string, outFolder: string, { Metadata, Properties }: Resource): Bundle {
  const { Handler, Timeout, MemorySize, Environment } = Properties as unknown as LambdaProperties;
  const [module = '', exportName = ''] = Handler.split('.');
  const folder = resolve(outFolder, String(Metadata?.['aws:asset:path'] ?? ''));
  const file = join(folder, `${module}.mjs`);
  if (!existsSync(file)) throw new Error(`${outFolder} has no bundle of ${name}: ${file} does not exist`);
  return {
    name,
    folder,
    file,
    exportName,
    timeoutMs: Timeout * 1000,
    memoryMegabytes: MemorySize,
    environment: Environment?.Variables ?? {},
  };
}

/** Of our only stack. */
async function readTemplate(folder: string): Promise<Template> {
  const files = await readdir(folder).catch((cause: Error) => {
    throw new Error(`${folder} cannot be read: ${cause.message}`, { cause });
  });
  const [file, another] = files.filter((name) => name.endsWith('.template.json'));
  if (file === undefined || another !== undefined) {
    throw new Error(`${folder} does not hold the template of one stack, expected what cdk synth writes`);
  }
  return JSON.parse(await readFile(join(folder, file), 'utf8')) as Template;
}

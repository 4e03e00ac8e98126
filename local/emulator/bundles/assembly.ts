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

/** Those of `names`, of the only Herald in `folder` or the one at `construct`. Throws an error of one line when it is not there. */
export async function readBundles(
  folder: string,
  names: readonly string[],
  construct?: string,
): Promise<{ bundles: Bundle[]; template: Template }> {
  const all = (await readTemplates(folder)).flatMap((file) => backendsIn(file, names));
  const found = construct === undefined ? all : all.filter(({ path }) => path === construct);
  const [backend, another] = found;
  const paths = all.map(({ path }) => path).join(', ');
  if (another) throw new Error(`${folder} holds several Heralds: choose one of ${paths} with --construct`);
  if (!backend && construct !== undefined && all.length > 0)
    throw new Error(`${folder} has no Herald at ${construct}, but at ${paths}`);
  if (!backend)
    throw new Error(`${folder} has no Herald in it: expected what cdk synth writes for an app with one`);
  const bundles = names.map((name) => toBundle(name, backend.folder, backend.lambdas.get(name)));
  return { bundles, template: backend.template };
}

/** One Herald of an app: `Shop/Notifications`, with its Lambdas by name. */
interface Backend extends TemplateFile {
  path: string;
  lambdas: Map<string, Resource>;
}

/** `Shop/Notifications/Functions/connect/Resource` is the Lambda `connect` of `Shop/Notifications`, if that has all the others too. */
function backendsIn({ folder, template }: TemplateFile, names: readonly string[]): Backend[] {
  const lambdas = Object.values(template.Resources ?? {}).filter(
    ({ Type }) => Type === 'AWS::Lambda::Function',
  );
  const byPath = new Map<string, Map<string, Resource>>();
  for (const lambda of lambdas) {
    const segments = String(lambda.Metadata?.['aws:cdk:path'] ?? '').split('/');
    const path = segments.slice(0, -3).join('/');
    byPath.set(path, (byPath.get(path) ?? new Map()).set(segments.at(-2), lambda));
  }
  return [...byPath]
    .filter(([, found]) => names.every((name) => found.has(name)))
    .map(([path, found]) => ({ path, lambdas: found, folder, template }));
}

interface LambdaProperties {
  Handler: string;
  Timeout: number;
  MemorySize: number;
  Environment?: { Variables: Record<string, unknown> };
}

function toBundle(name: string, outFolder: string, lambda: Resource | undefined): Bundle {
  const { Metadata, Properties } = lambda ?? {};
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

interface TemplateFile {
  /** Where it stands: the paths of its assets begin here. */
  folder: string;
  template: Template;
}

/** Of every stack of the app, also of those in stages, each of which has a folder `assembly-…`. */
async function readTemplates(folder: string): Promise<TemplateFile[]> {
  const files = await readdir(folder).catch((cause: Error) => {
    throw new Error(`${folder} cannot be read: run cdk synth first (${cause.message})`, { cause });
  });
  const templates = files
    .filter((name) => name.endsWith('.template.json'))
    .map(async (name) => {
      const template = JSON.parse(await readFile(join(folder, name), 'utf8')) as Template;
      return [{ folder, template }];
    });
  const stages = files
    .filter((name) => name.startsWith('assembly-'))
    .map((name) => readTemplates(join(folder, name)));
  return (await Promise.all([...templates, ...stages])).flat();
}

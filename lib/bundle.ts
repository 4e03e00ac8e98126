/**
 * Makes of each Lambda one module that needs nothing beside it but, where it publishes, the registry of message types: a file of its
 * own, so that whoever installs the package bundles their types alone and never our code.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import type { BuildOptions, Metafile } from 'esbuild';
import type { LambdaSpec } from '../lambdas/lambda-spec.ts';
import { LAMBDAS, type LambdaName } from '../lambdas/manifest.ts';
import { type AwsClient, InvalidSetting } from './settings.ts';

const ROOT = join(import.meta.dirname, '..');

/** What the entries of Lambdas that publish call the registry, and the file it finds it in once bundled. */
const REGISTRY = '#message-types';
export const REGISTRY_FILE = 'message-types.mjs';

/** Modules that entries load for clients of STOMP alone: what they call each, and the file it is found in. */
const LOADED_LATER = { '#stomp': './stomp.mjs', '#pump': './pump.mjs' };

/** The registry of this repository, for our own app. */
export const OWN_MESSAGE_TYPES = join(ROOT, 'lambdas', 'message-types.ts');

/** Of what jsonwebtoken and the SDK depend on these cost each cold start more than they give. */
const STAND_INS = {
  semver: join(ROOT, 'lambdas', 'stand-ins', 'semver.ts'),
  '@aws-sdk/credential-provider-node': join(ROOT, 'lambdas', 'stand-ins', 'credential-chain.ts'),
};

const OPTIONS = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  mainFields: ['module', 'main'],
  minify: true,
  sourcemap: true,
  sourcesContent: false,
  metafile: true,
  logLevel: 'silent',
  // For dependencies that are CommonJS inside, such as jsonwebtoken: a module has no `require` of its own.
  banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
} satisfies BuildOptions;

/** `awsClient`: which folder of `lambdas/aws/` calls DynamoDB and posts to connections. */
export function bundleHandler(handler: LambdaName, outdir: string, awsClient: AwsClient = 'lean'): void {
  const client = join(ROOT, 'lambdas', 'aws', awsClient, 'index.ts');
  build(outdir, ROOT, {
    entryPoints: [join(ROOT, 'lambdas', 'entry', `${handler}.ts`)],
    outfile: join(ROOT, 'index.mjs'),
    alias: {
      ...STAND_INS,
      '#aws-client': client,
      [REGISTRY]: `./${REGISTRY_FILE}`,
      ...LOADED_LATER,
    },
    external: [`./${REGISTRY_FILE}`, ...Object.values(LOADED_LATER)],
  });
  const { readsTokens, pumps }: LambdaSpec = LAMBDAS[handler];
  for (const name of [readsTokens && 'stomp', pumps && 'pump'].filter((one) => one !== undefined))
    build(outdir, ROOT, {
      entryPoints: [join(ROOT, 'lambdas', `${name}.ts`)],
      outfile: join(ROOT, `${name}.mjs`),
      alias: { ...STAND_INS, '#aws-client': client },
    });
}

/** Throws an {@link InvalidSetting} when the file does not compile or does not export the registry. */
export function bundleMessageTypes(entry: string, outdir: string): void {
  const folder = dirname(entry);
  const outfile = join(folder, REGISTRY_FILE);
  const exported = bundleOrRefuse(entry, outdir, folder, outfile);
  if (!exported.includes('messageTypes')) {
    throw new InvalidSetting(
      `messageTypes.entry is "${entry}", which exports no "messageTypes": expected \`export const messageTypes = defineMessageTypes({ … })\``,
    );
  }
}

function bundleOrRefuse(entry: string, outdir: string, folder: string, outfile: string): string[] {
  try {
    return build(outdir, folder, { entryPoints: [entry], outfile });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n').slice(1).join(' ') : '';
    if (!reason) throw error;
    throw new InvalidSetting(`messageTypes.entry is "${entry}", which does not compile: ${reason}`);
  }
}

/**
 * Returns the names that the entry point exports. The paths in the source maps are those from `root`, wherever the files are written
 * to, so that the same sources give the same bytes on every machine.
 */
function build(outdir: string, root: string, options: BuildOptions): string[] {
  const { outputFiles, metafile } = esbuild().buildSync({
    ...OPTIONS,
    ...options,
    metafile: true,
    absWorkingDir: root,
    write: false,
  });
  mkdirSync(outdir, { recursive: true });
  for (const { path, contents } of outputFiles) writeFileSync(join(outdir, basename(path)), contents);
  return exportsOf(metafile);
}

const exportsOf = ({ outputs }: Metafile): string[] =>
  Object.values(outputs).flatMap(({ entryPoint, exports }) => (entryPoint === undefined ? [] : exports));

/** Loaded when it is needed: who installs the package and has no message types of their own does not need it. */
function esbuild(): typeof import('esbuild') {
  const require = createRequire(import.meta.url);
  try {
    return require('esbuild');
  } catch (error) {
    throw new InvalidSetting('messageTypes needs esbuild to bundle them: npm install --save-dev esbuild', {
      cause: error,
    });
  }
}

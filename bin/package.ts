/**
 * Makes `dist/`, which is what `npm pack` packs: the construct as JavaScript with its types, and the Lambdas as bundles, so that who
 * installs it needs neither our sources nor their dependencies.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { LAMBDA_NAMES, LAMBDAS } from '../lambdas/manifest.ts';
import { bundleHandler, bundleMessageTypes, OWN_MESSAGE_TYPES } from '../lib/bundle.ts';
import { AWS_CLIENTS } from '../lib/settings.ts';

const ROOT = join(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');

const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));

rmSync(DIST, { recursive: true, force: true });
execFileSync(process.execPath, [join(typescript, 'bin', 'tsc'), '-p', 'tsconfig.package.json'], {
  cwd: ROOT,
  stdio: 'inherit',
});
for (const awsClient of AWS_CLIENTS) {
  for (const name of LAMBDA_NAMES) {
    const outdir = join(DIST, 'bundles', awsClient, name);
    bundleHandler(name, outdir, awsClient);
    if (LAMBDAS[name].messageTypes) bundleMessageTypes(OWN_MESSAGE_TYPES, outdir);
  }
}

const { exports } = createRequire(import.meta.url)('../package.json') as {
  exports: Record<string, Record<string, string>>;
};
const missing = Object.values(exports)
  .flatMap((target) => Object.values(target))
  .filter((file) => !existsSync(join(ROOT, file)));
if (missing.length > 0) throw new Error(`package.json exports what was not made: ${missing.join(', ')}`);

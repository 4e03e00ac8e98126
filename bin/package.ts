/**
 * Makes `dist/`, which is what `npm pack` packs: the construct as JavaScript with its types, the Lambdas as bundles and the local
 * stack as programs, so that who installs it needs neither our sources nor their dependencies.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { LAMBDA_NAMES, LAMBDAS } from '../lambdas/manifest.ts';
import { bundleHandler, bundleMessageTypes, OWN_MESSAGE_TYPES } from '../lib/bundle.ts';
import { AWS_CLIENTS } from '../lib/settings.ts';
import { bundleLocal } from './bundle-local.ts';
import { checkExports, compile } from './packaging.ts';

const ROOT = join(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');

rmSync(DIST, { recursive: true, force: true });
compile(join(ROOT, 'tsconfig.package.json'), DIST);
for (const awsClient of AWS_CLIENTS) {
  for (const name of LAMBDA_NAMES) {
    const outdir = join(DIST, 'bundles', awsClient, name);
    bundleHandler(name, outdir, awsClient);
    if (LAMBDAS[name].messageTypes) bundleMessageTypes(OWN_MESSAGE_TYPES, outdir);
  }
}
bundleLocal(join(DIST, 'local'));
checkExports(ROOT);

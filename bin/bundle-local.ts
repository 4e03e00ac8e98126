/**
 * Makes of the local stack and its command line what `npx herald` runs in somebody else's app: two programs for Node 20 or newer
 * with all they depend on inside, but for the database, and the page of the console as a browser takes it.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, buildSync, type Metafile } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');
const PAGE = join(ROOT, 'local', 'console', 'page');

const SHARED = {
  absWorkingDir: ROOT,
  bundle: true,
  format: 'esm',
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
} satisfies BuildOptions;

/** All in one folder, as `local/program.ts` expects it. */
export function bundleLocal(outdir: string): void {
  const { metafile } = buildSync({
    ...SHARED,
    entryPoints: { cli: 'local/cli/cli.ts', runtime: 'local/emulator/bundles/runtime.ts' },
    outdir,
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    // What a command needs is loaded when it runs: `token` starts without the stack.
    splitting: true,
    // Errors are told by the names of their classes.
    keepNames: true,
    inject: ['local/older-node.ts'],
    // A module has no `require` of its own, and some of our dependencies are CommonJS.
    banner: { js: "import{createRequire as create}from'node:module';const require=create(import.meta.url);" },
  });
  bundlePage(join(outdir, 'page'));
  writeFileSync(join(outdir, 'licenses.txt'), licensesOf(metafile));
}

function bundlePage(outdir: string): void {
  buildSync({
    ...SHARED,
    entryPoints: [join(PAGE, 'main.ts')],
    outdir,
    platform: 'browser',
    target: 'es2022',
  });
  for (const name of ['style.css', 'icon.svg']) cpSync(join(PAGE, name), join(outdir, name));
  const html = readFileSync(join(PAGE, 'index.html'), 'utf8');
  mkdirSync(outdir, { recursive: true });
  writeFileSync(join(outdir, 'index.html'), html.replace('/main.ts', '/main.js'));
}

/** Whose code is inside, and on what terms. */
function licensesOf({ inputs }: Metafile): string {
  const packages = new Set(
    Object.keys(inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []),
  );
  const owners = new Map<string, string[]>();
  for (const folder of [...packages].sort()) {
    const text = licenseIn(join(ROOT, folder));
    owners.set(text, [...(owners.get(text) ?? []), nameOf(join(ROOT, folder))]);
  }
  return [...owners].map(([text, names]) => `${names.join('\n')}\n\n${text}\n`).join('\n---\n\n');
}

function nameOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return `${name} ${version}: ${license}`;
}

/** Its text as it came, or nothing where the package brings none. */
function licenseIn(folder: string): string {
  const file = readdirSync(folder).find((name) => /^licen[cs]e(?:\.\w+)?$/i.test(name));
  return file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim();
}

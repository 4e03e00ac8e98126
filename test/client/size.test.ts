/** What a page pays for the client: the package as npm has it, bundled and minified by the page's own build. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleCode, INTERNAL_NAMES } from '../../bin/client-code.ts';

const ROOT = join(import.meta.dirname, '../..');
const MAX_BYTES = 10.5 * 1024;

const dist = mkdtempSync(join(tmpdir(), 'herald-client-size-'));
beforeAll(() => bundleCode(dist));
afterAll(() => rmSync(dist, { recursive: true, force: true }));

/** Of the bundle of a page, minified and gzipped. */
async function bytesOf(page: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: page, resolveDir: dist },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    logLevel: 'silent',
  });
  return gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length;
}

it('is under 10.5 KB minified and gzipped', async () => {
  const bytes = await bytesOf(`export { connect } from './index.js';`);
  console.log(`herald-client: ${bytes} bytes minified and gzipped`);
  expect(bytes).toBeLessThan(MAX_BYTES);
});

it('has nothing in it but the client and the protocol', async () => {
  const { metafile } = await build({
    entryPoints: [join(ROOT, 'client/index.ts')],
    absWorkingDir: ROOT,
    ...{ bundle: true, write: false, metafile: true, format: 'esm', logLevel: 'silent' },
  });
  expect(
    Object.keys(metafile.inputs).filter((path) => !/^(?:client|lambdas\/protocol)\//.test(path)),
  ).toEqual([]);
});

/** Where the names stand that an app, the server, or another tab of perhaps another version knows. */
const KNOWN_TO_OTHERS = [
  ...['types', 'inbox-types', 'delivery', 'inbox/frames'].map((name) => `client/${name}.ts`),
  ...['client-frame', 'errors', 'frames'].map((name) => `lambdas/protocol/${name}.ts`),
];

it('shortens no name that somebody else knows', () => {
  const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
  const part = (file: string, pattern: RegExp) => pattern.exec(read(file))?.[0] ?? '';
  const timing = part('client/timing.ts', /export interface Timing[\s\S]*?\n}/);
  const messages = part('client/tabs.ts', /export type LeaderMessage[\s\S]*?(?=\/\*\* What tabs need)/);
  const declarations = [...KNOWN_TO_OTHERS.map(read), timing, messages]
    .join('')
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
  const known = new Set(declarations.match(/\b[a-z]\w*\b/g));
  for (const name of ['seq', 'markRead', 'isAgain', 'handoverAfterMs', 'collapseKey'])
    expect(known).toContain(name);
  expect(INTERNAL_NAMES.filter((name) => known.has(name))).toEqual([]);
});

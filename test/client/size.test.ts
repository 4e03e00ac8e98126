/** What a page pays for the client. */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

const MAX_BYTES = 10.5 * 1024;

it('is under 10.5 KB minified and gzipped, for browsers, with nothing in it but the client and the protocol', async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(import.meta.resolve('../../client/index.ts'))],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  const bytes = gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length;
  console.log(`herald-client: ${bytes} bytes minified and gzipped`);
  expect(bytes).toBeLessThan(MAX_BYTES);
  expect(
    Object.keys(metafile.inputs).filter((path) => !/^(?:client|lambdas\/protocol)\//.test(path)),
  ).toEqual([]);
});

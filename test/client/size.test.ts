/** What a page pays for the client: the package as npm has it, bundled and minified by the page's own build. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleCode, ENTRIES, INTERNAL_NAMES } from '../../bin/client-code.ts';
import { aWorld, tokenOf } from './world.ts';

const ROOT = join(import.meta.dirname, '../..');
const MAX_BYTES = 11 * 1024;
const MAX_INBOX_BYTES = 3 * 1024;
const MAX_BELL_BYTES = 5 * 1024;
const MAX_REACT_BYTES = 1024;

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
    external: ['react'],
  });
  return gzipSync(outputFiles[0]?.contents ?? '', { level: 9 }).length;
}

it('is under 11 KB minified and gzipped', async () => {
  const bytes = await bytesOf(`export { connect } from './index.js';`);
  console.log(`herald-client: ${bytes} bytes minified and gzipped`);
  expect(bytes).toBeLessThan(MAX_BYTES);
});

it('is at most 3 KB more with the inbox, and nothing more without', async () => {
  const [alone, both] = await Promise.all([
    bytesOf(`export { connect } from './index.js';`),
    bytesOf(`export { connect } from './index.js'; export { inbox } from './inbox.js';`),
  ]);
  console.log(`herald-client/inbox: ${both - alone} bytes more`);
  expect(both - alone).toBeLessThan(MAX_INBOX_BYTES);
  expect(readFileSync(join(dist, 'index.js'), 'utf8')).not.toContain('loadMore');
});

it('has a bell that whoever imports nothing else loads alone', async () => {
  const bytes = await bytesOf(`import './bell.js';`);
  console.log(`herald-client/bell: ${bytes} bytes minified and gzipped`);
  expect(bytes).toBeLessThan(MAX_BELL_BYTES);
  expect(readFileSync(join(dist, 'bell.js'), 'utf8')).not.toContain('herald.v1');
});

it('has hooks that bring no React of their own', async () => {
  const bytes = await bytesOf(`export * from './react.js';`);
  console.log(`herald-client/react: ${bytes} bytes minified and gzipped`);
  expect(bytes).toBeLessThan(MAX_REACT_BYTES);
  expect(readFileSync(join(dist, 'react.js'), 'utf8')).not.toContain('herald.v1');
});

it('has entries that understand each other, though their names are shortened', async () => {
  const load = (name: string) => import(pathToFileURL(join(dist, name)).href);
  const [{ connect }, { inbox }] = await Promise.all([load('index.js'), load('inbox.js')]);
  const { server, time } = aWorld();
  server.publish();
  const WebSocket = function (this: unknown, url: string, protocols: string[]) {
    return server.connect(url, protocols);
  };
  const herald = connect('wss://herald.test/prod', {
    token: tokenOf('alice'),
    deviceId: 'laptop',
    inbox,
    WebSocket,
  });
  await time.pass(1000);
  expect(herald.inbox.items).toMatchObject([{ seq: 1, read: false }]);
  herald.inbox.markRead(1);
  await time.pass(1000);
  expect(server.unread).toBe(0);
  await herald.close();
});

it('has nothing in it but the client and the protocol', async () => {
  const { metafile } = await build({
    entryPoints: ENTRIES.map((entry) => join(ROOT, `client/${entry}.ts`)),
    outdir: dist,
    absWorkingDir: ROOT,
    external: ['react'],
    ...{ bundle: true, write: false, metafile: true, format: 'esm', logLevel: 'silent' },
  });
  expect(
    Object.keys(metafile.inputs).filter((path) => !/^(?:client|lambdas\/protocol)\//.test(path)),
  ).toEqual([]);
});

/** Where the names stand that an app, the server, or another tab of perhaps another version knows. */
const KNOWN_TO_OTHERS = [
  ...[
    'types',
    'inbox-types',
    'delivery',
    'inbox/inbox-frames',
    'bell/bell-inbox',
    'react/inbox-store',
    'react/topic-store',
    'bell/labels',
    'bell/description',
  ].map((name) => `client/${name}.ts`),
  ...['client-frame', 'errors', 'frames'].map((name) => `lambdas/protocol/${name}.ts`),
];

/** What Node and browsers give us and take from us. */
const PLATFORM_CLASSES = [
  ...[Array, Map, Set, String, Promise, Error, URL, URLSearchParams, AbortController, AbortSignal],
  ...[WebSocket, BroadcastChannel],
];

/** What browsers alone give us: a bell that calls `this.isConnected` by a short name never listens. */
const ELEMENT_CLASSES = ['HTMLElement', 'HTMLAnchorElement', 'HTMLButtonElement', 'ShadowRoot', 'Document'];
const OTHER_BROWSER_CLASSES = ['CSSStyleSheet', 'KeyboardEvent', 'ToggleEvent', 'Storage', 'LockManager'];

const DOM_TYPES = join(
  ROOT,
  `node_modules/@typescript/typescript-${process.platform}-${process.arch}/lib/lib.dom.d.ts`,
);

/** Names of the members of these interfaces and of all that they extend, as TypeScript declares them. */
function browserNames(interfaces: string[], declared = readFileSync(DOM_TYPES, 'utf8')): string[] {
  return interfaces.flatMap((name) => {
    const [, parents = '', body = ''] =
      new RegExp(`^interface ${name}(?: extends ([^{]*?))? \\{\\n([\\s\\S]*?)^\\}`, 'm').exec(declared) ?? [];
    const own = [...body.matchAll(/^ {4}(?:readonly |get |set )*(\w+)\??[(:<]/gm)].map(
      ([, member = '']) => member,
    );
    return [...own, ...browserNames(parents.match(/\w+/g) ?? [], declared)];
  });
}

const namesIn = (object: object | null): string[] =>
  object ? [...Object.getOwnPropertyNames(object), ...namesIn(Object.getPrototypeOf(object))] : [];

it('shortens no name that somebody else knows', () => {
  const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
  const part = (file: string, pattern: RegExp) => pattern.exec(read(file))?.[0] ?? '';
  const timing = part('client/timing.ts', /export interface Timing[\s\S]*?\n}/);
  const messages = part('client/tabs.ts', /export type LeaderMessage[\s\S]*?(?=\/\*\* What tabs need)/);
  const declarations = [...KNOWN_TO_OTHERS.map(read), timing, messages]
    .join('')
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
  const known = new Set(declarations.match(/\b[a-z]\w*\b/g)).add('next').add('return').add('throw');
  for (const { prototype } of PLATFORM_CLASSES) for (const name of namesIn(prototype)) known.add(name);
  for (const name of browserNames([...ELEMENT_CLASSES, ...OTHER_BROWSER_CLASSES])) known.add(name);
  for (const name of ['seq', 'next', 'markRead', 'isAgain', 'handoverAfterMs', 'collapseKey', 'isConnected'])
    expect(known).toContain(name);
  expect(INTERNAL_NAMES.filter((name) => known.has(name))).toEqual([]);
});

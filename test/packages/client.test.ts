/** The client in somebody else's front end: installed alone, imported in every way there is, bundled, compiled, connected. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build as esbuild } from 'esbuild';
import { build as vite } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SpawnedStack, spawnStack } from '../../local/cli/spawn.ts';
import { issueToken, readJwtSecret } from '../../local/cli/token.ts';
import { bytesIn, node20, npm, olderTypescript, pack, ROOT, run, typescript } from './packed.ts';

const folder = mkdtempSync(join(tmpdir(), 'herald-client-'));
const project = join(folder, 'page');
const installed = join(project, 'node_modules', 'herald-client');
const MAX_BYTES = 420_000;

let stack: SpawnedStack | undefined;

beforeAll(async () => {
  mkdirSync(project);
  write('package.json', JSON.stringify({ name: 'page', private: true, type: 'module' }));
  npm(project, 'install', pack(folder, '--workspace', 'herald-client'));
  stack = await spawnStack(['--quiet']);
});
afterAll(async () => {
  await stack?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const write = (name: string, text: string) => writeFileSync(join(project, name), text);

it('brings itself and nothing else', () => {
  const bytes = bytesIn(join(project, 'node_modules'));
  console.log(`herald-client: ${bytes} bytes installed`);
  expect(readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
    'herald-client',
  ]);
  expect(bytes).toBeLessThan(MAX_BYTES);
});

it('leads nowhere outside itself', () => {
  const dist = join(installed, 'dist');
  const imports = readdirSync(dist).flatMap((name) =>
    [
      ...readFileSync(join(dist, name), 'utf8').matchAll(/(?:\bfrom |\bimport\(|\brequire\()["']([^"']+)/g),
    ].map(([, path = '']) => path),
  );
  expect(imports.length).toBeGreaterThan(0);
  const elsewhere = imports.filter((path) => !/^\.\/[\w-]+\.c?js$/.test(path));
  // The peer of the hooks.
  expect(elsewhere.filter((path) => path !== 'react')).toEqual([]);
});

/** Prints the first message and closes. `head` gives `connect`, and a `WebSocket` where the platform has none. */
const program = (head: string) => `${head}
const [url = '', token = ''] = process.argv.slice(2);
const main = async () => {
  const herald = connect(url, { token, deviceId: 'server', WebSocket });
  for await (const { seq, data } of herald.messages()) {
    console.log(seq, JSON.stringify(data));
    break;
  }
  await herald.close();
};
void main();
`;
const WS = JSON.stringify(createRequire(import.meta.url).resolve('ws'));

describe('connects, gets a message and ends by itself', () => {
  const older = node20(folder);

  it.each([
    ['import', 'app.js', process.execPath, `import { connect } from 'herald-client';`],
    ['import, typed', 'app.ts', process.execPath, `import { connect, type Message } from 'herald-client';`],
    ['require', 'app.cjs', process.execPath, `const { connect } = require('herald-client');`],
    [
      'import on Node 20',
      'old.mjs',
      older,
      `import { connect } from 'herald-client'; import WebSocket from ${WS};`,
    ],
    [
      'require on Node 20',
      'old.cjs',
      older,
      `const { connect } = require('herald-client'); const WebSocket = require(${WS});`,
    ],
  ])('%s', async (_how, name, node, head) => {
    write(name, program(head));
    const user = `user-${name}`;
    await publish(user);
    const { stdout, stderr } = run(project, [name, stack?.wsUrl ?? '', issueToken(user, readJwtSecret())], {
      node,
    });
    expect(stdout, stderr).toBe('1 {"orderId":7}\n');
  });

  async function publish(user: string): Promise<void> {
    const answer = await fetch(`${stack?.httpUrl}/notifications`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ to: { user }, type: 'order.shipped', data: { orderId: 7 } }),
    });
    expect(answer.status).toBe(200);
  }
});

describe('has entries of their own, which a server may load, too', () => {
  it.each([
    ['entry.mjs', 'inbox', `const { inbox: entry } = await import('herald-client/inbox');`],
    ['entry.cjs', 'inbox', `const { inbox: entry } = require('herald-client/inbox');`],
    ['entry.mjs', 'bell', `const { HeraldBell: entry } = await import('herald-client/bell');`],
    ['entry.cjs', 'bell', `const { HeraldBell: entry } = require('herald-client/bell');`],
  ])('%s: %s', (name, _entry, head) => {
    write(name, `${head} console.log(typeof entry);`);
    const { stdout, stderr } = run(project, [name]);
    expect(stdout, stderr).toBe('function\n');
  });
});

describe('has hooks for the React that is there', () => {
  it.each(['18', '19'])('React %s', (version) => {
    npm(project, 'install', `react@${version}`);
    write('hooks.mjs', `import { useInbox } from 'herald-client/react'; console.log(typeof useInbox);`);
    write('hooks.cjs', `const { useInbox } = require('herald-client/react'); console.log(typeof useInbox);`);
    for (const name of ['hooks.mjs', 'hooks.cjs']) {
      const { stdout, stderr } = run(project, [name]);
      expect(stdout, stderr).toBe('function\n');
    }
  });
});

describe('is bundled', () => {
  const BUNDLERS = {
    esbuild: async (name: string) => {
      const { outputFiles } = await esbuild({
        absWorkingDir: project,
        entryPoints: [name],
        ...{ bundle: true, minify: true, format: 'esm', write: false, logLevel: 'silent' },
      });
      return outputFiles.map(({ text }) => text).join('');
    },
    vite: async (name: string) => {
      const built = await vite({
        root: project,
        configFile: false,
        logLevel: 'silent',
        build: { write: false, lib: { entry: name, formats: ['es'] } },
      });
      const [bundle] = [built].flat();
      if (!bundle || !('output' in bundle)) throw new Error('Vite watches instead of building');
      return bundle.output.map((part) => ('code' in part ? part.code : '')).join('');
    },
  };

  it.each(Object.entries(BUNDLERS))('by %s, and what is not used is left out', async (_name, bundle) => {
    write('whole.js', `import { connect } from 'herald-client'; window.connect = connect;`);
    write('part.js', `import { HeraldError } from 'herald-client'; window.HeraldError = HeraldError;`);
    write('nothing.js', `import 'herald-client';`);
    write('bell.js', `import 'herald-client/bell';`);
    write('react.js', `import { useInbox } from 'herald-client/react'; window.useInbox = useInbox;`);
    const whole = await bundle('whole.js');
    expect(whole).toContain('herald.v1');
    expect(whole).not.toMatch(/\bfrom\s*["']/);
    expect((await bundle('part.js')).length).toBeLessThan(1000);
    expect((await bundle('nothing.js')).trim()).toBe('');
    expect(await bundle('bell.js')).toContain('herald-bell');
    expect(await bundle('react.js')).toContain('useSyncExternalStore');
  });
});

const TYPED = `
import { connect, HeraldError, type Status } from 'herald-client';
import { inbox, type InboxItem } from 'herald-client/inbox';
import type { Message } from 'herald-client';
import 'herald-client/bell';
import { useInbox, useTopic } from 'herald-client/react';

interface Schema<Output> {
  '~standard': { types?: { output: Output } };
}
declare const messageTypes: { 'order.shipped': { data: Schema<{ orderId: number }> }; 'order.noted': {} };

const herald = connect<typeof messageTypes>('wss://example.com/prod', {
  token: async () => 'token',
  storage: localStorage,
  inbox,
});
const unread = herald.inbox.items.filter(({ read }) => !read).map(({ type }) => type);
const stop: () => void = herald.inbox.on('change', () => console.log(unread, herald.inbox.unread));
const [item]: readonly InboxItem<typeof messageTypes>[] = herald.inbox.items;
if (item?.type === 'order.shipped') herald.inbox.markRead(item.data.orderId);
// @ts-expect-error: nobody but the server changes the list
herald.inbox.items.push(item);
const Shipped = () => {
  const [first] = useInbox(herald).items;
  // @ts-expect-error: no such type
  if (useTopic(herald, 'news').messages[0]?.type === 'order.lost') return '';
  return first?.type === 'order.shipped' ? first.data.orderId.toFixed() : '';
};
console.log(Shipped);
const bell = document.createElement('herald-bell');
bell.inbox = herald.inbox;
bell.labels = { title: 'Notes' };
bell.describe = (message: Message<typeof messageTypes>) => ({
  title: message.type === 'order.shipped' ? message.data.orderId.toFixed() : message.type,
});
// @ts-expect-error: a title is a text
bell.describe = () => ({ title: 7 });
herald.on('message', (message) => {
  if (message.type === 'order.shipped') console.log(message.data.orderId.toFixed());
  // @ts-expect-error: no such type
  if (message.type === 'order.lost') console.log(message);
  // @ts-expect-error: the data of another type is not known
  if (message.type === 'order.noted') console.log(message.data.orderId);
});
herald.on('status', (status: Status) => status.state === 'waiting' && console.log(status.retryAt));
herald.on('error', (error) => console.log(error instanceof HeraldError, error.code));
// @ts-expect-error: no such event
herald.on('massage', () => {});
`;

describe('the example with a bell', () => {
  const example = join(folder, 'bell');

  it('compiles and is built with what npm installs', async () => {
    cpSync(join(ROOT, 'examples', 'bell'), example, { recursive: true });
    npm(example, 'install', join(folder, tarballIn(folder)));
    expect(run(example, [typescript, '-p', example]).stdout).toBe('');
    const vite = join('node_modules', 'vite', 'bin', 'vite.js');
    const { stdout, stderr, status } = run(example, [vite, 'build'], { env: { NODE_ENV: 'production' } });
    expect(status, stderr).toBe(0);
    console.log(stdout.split('\n').find((line) => line.includes('.js')));
  });

  const tarballIn = (directory: string): string =>
    readdirSync(directory).find((name) => name.endsWith('.tgz')) ?? '';
});

/** What the package's own page shows. */
const README = `
declare const fetchToken: () => Promise<string>;
declare const show: (what: unknown) => Promise<void>;
${/```ts\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'client/README.md'), 'utf8'))?.[1]}`;

describe('its types infer the data of each message type', () => {
  const kinds = {
    nodenext: ['--module', 'nodenext', '--moduleResolution', 'nodenext'],
    bundler: ['--module', 'esnext', '--moduleResolution', 'bundler'],
    node10: ['--module', 'commonjs', '--moduleResolution', 'node10'],
  };
  // No types of Node are installed: a browser has none.
  const strict = ['--strict', '--noEmit', '--target', 'es2022', '--lib', 'es2023,dom'];

  it.each([
    ['nodenext', 'typed.mts'],
    ['nodenext', 'typed.cts'],
    ['bundler', 'typed.ts'],
    ['node10', 'typed.ts'],
  ] as const)('%s, %s', (resolution, name) => {
    write(name, TYPED);
    write(name.replace('typed', 'readme'), README);
    const compiler = resolution === 'node10' ? olderTypescript(folder) : typescript;
    const files = [name, name.replace('typed', 'readme')];
    const { stdout } = run(project, [compiler, ...kinds[resolution], ...strict, ...files]);
    expect(stdout).toBe('');
  });
});

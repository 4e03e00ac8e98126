/** The construct in somebody else's app: the example, installed with plain `npm install`, compiled, synthesized and run on Node 20. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from '../../local/cli/client.ts';
import { bytesIn, node20, npm, olderTypescript, pack, ROOT, run } from './packed.ts';

const folder = mkdtempSync(join(tmpdir(), 'herald-package-'));
const consumer = join(folder, 'orders');
const modules = join(consumer, 'node_modules');
const installed = join(modules, 'herald');
const OUT = join(folder, 'cdk.out');
/** Each Lambda twice, on our own clients of AWS and on the SDK's, with its source map. */
const MAX_BYTES = 17_500_000;

const older = node20(folder);

beforeAll(() => {
  cpSync(join(ROOT, 'examples', 'orders'), consumer, { recursive: true });
  npm(consumer, 'install', pack(folder));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFileSync(join(consumer, name), text);

/** As the CDK's command line runs an app. */
const synthesize = (args: string[], out: string, node = process.execPath) =>
  run(consumer, args, {
    node,
    env: {
      CDK_OUTDIR: out,
      CDK_CONTEXT_JSON: JSON.stringify({
        'aws:cdk:enable-path-metadata': true,
        'aws:cdk:enable-asset-metadata': true,
      }),
    },
  });

it('holds what was built, none of our sources, and is small', () => {
  const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
  expect(readdirSync(installed).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
  expect(files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))).toEqual([]);
  const bytes = bytesIn(installed);
  const database = bytesIn(join(modules, '@dynoxide'));
  console.log(`herald: ${bytes} bytes installed, the optional database ${database}`);
  expect(bytes).toBeLessThan(MAX_BYTES);
});

describe('gives each of its entries', () => {
  const entries = `['herald', 'herald/message-types']`;
  it.each([
    ['import', process.execPath, 'entries.mjs', `await import(entry)`],
    ['require', process.execPath, 'entries.cjs', `require(entry)`],
    ['import on Node 20', older, 'entries.mjs', `await import(entry)`],
    ['require on Node 20', older, 'entries.cjs', `require(entry)`],
  ])('%s', (_how, node, name, load) => {
    write(name, `for (const entry of ${entries}) console.log(Object.keys(${load}).sort().join());`);
    const [construct, types] = run(consumer, [name], { node }).stdout.trim().split('\n');
    expect(construct).toBe('HeraldStack,InvalidSetting,NotificationBackend');
    expect(types?.split(',')).toContain('defineMessageTypes');
  });
});

describe('its types', () => {
  const typescript = join(modules, 'typescript', 'bin', 'tsc');

  it('fit the example', () => {
    expect(run(consumer, [typescript, '-p', consumer])).toMatchObject({ status: 0, stdout: '' });
  });

  it.each([
    ['nodenext', 'nodenext', typescript],
    ['bundler', 'esnext', typescript],
    ['node10', 'commonjs', undefined],
  ])('%s', (resolution, module, compiler = olderTypescript(folder)) => {
    write(
      'typed.ts',
      `import { Stack } from 'aws-cdk-lib';
      import { NotificationBackend, type NotificationBackendProps } from 'herald';
      import { defineMessageTypes } from 'herald/message-types';
      const props: NotificationBackendProps = { maxConnectionsPerUser: 3 };
      export const { eventBus } = new NotificationBackend(new Stack(), 'Notifications', props);
      export const name: string = eventBus.eventBusName;
      export const types = defineMessageTypes({ 'order.noted': {} });
      // @ts-expect-error: a number
      export const wrong: NotificationBackendProps = { maxConnectionsPerUser: '3' };`,
    );
    const kind = { module, moduleResolution: resolution, target: 'es2022', types: ['node'] };
    const compilerOptions = { ...kind, strict: true, noEmit: true, skipLibCheck: true };
    write('typed.json', JSON.stringify({ compilerOptions, files: ['typed.ts'] }));
    expect(run(consumer, [compiler, '-p', 'typed.json']).stdout).toBe('');
  });
});

describe('the example on Node 20', () => {
  let running: ChildProcess | undefined;
  let httpUrl = '';

  beforeAll(() => {
    const { app } = JSON.parse(readFileSync(join(consumer, 'cdk.json'), 'utf8'));
    expect(app).toBe('npx tsx app.ts');
    const { status, stderr } = synthesize([join(modules, 'tsx', 'dist', 'cli.mjs'), 'app.ts'], OUT, older);
    expect({ status, stderr }).toMatchObject({ status: 0 });
  });
  afterAll(() => void running?.kill('SIGKILL'));

  /** The program npm links as `herald`. */
  const HERALD = join(modules, '.bin', 'herald');
  const herald = (...args: string[]) => run(consumer, [HERALD, ...args], { node: older });

  it('runs as npx herald', () => {
    const token = npm(consumer, 'exec', '--offline', '--', 'herald', 'token', 'alice');
    expect(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({
      sub: 'alice',
    });
  });

  it('starts what the app would deploy: its Lambdas with its message types', async () => {
    running = spawn(older, [HERALD, 'start', '--cdk-out', OUT, '--port', '0'], { cwd: consumer });
    httpUrl = await printed(running, /Requests +(\S+)/);
    const refused = async (message: object) => (await publish(httpUrl, message)).text();
    expect(await refused({ type: 'cart.changed', data: { items: -1 } })).toContain(
      'data.items: Invalid value',
    );
    expect(await refused({ type: 'other', data: 1 })).toContain('is not a known type');
  });

  it('delivers to who listens, and serves the console', async () => {
    const token = herald('token', 'alice').stdout.trim();
    const client = await Client.open(`${httpUrl.replace('http', 'ws')}/local`, { token, deviceId: 'phone' });
    await client.caughtUp();
    const sent = herald('send', 'alice', '--type', 'cart.changed', '--data', '{"items":2}', '--url', httpUrl);
    expect(sent).toMatchObject({ status: 0 });
    expect(await client.event('message')).toMatchObject({ type: 'cart.changed', data: { items: 2 } });
    const again = { type: 'cart.changed', data: { items: 1e20 }, id: 'cart-1' };
    for (const duplicate of [false, true]) {
      const answer = await (await publish(httpUrl, again)).json();
      expect(answer).toMatchObject({ results: [{ seq: 2, duplicate }] });
    }
    await client.close();
    const page = await (await fetch(httpUrl)).text();
    const script = /<script type="module" src="([^"]+)"/.exec(page)?.[1];
    expect(await (await fetch(new URL(script ?? '', httpUrl))).text()).toContain('herald.v1');
  });

  it('stops on Ctrl-C', async () => {
    const ended = running && once(running, 'exit');
    running?.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
  });

  it('tells in one line what is missing', () => {
    const start = (out: string) => herald('start', '--port', '0', '--cdk-out', out);
    expect(start(join(folder, 'nowhere')).stderr).toMatch(/nowhere cannot be read: run cdk synth first.*\n$/);
    mkdirSync(join(folder, 'empty'));
    expect(start(join(folder, 'empty')).stderr).toMatch(/^.*empty has no Herald in it: .*\n$/);
    renameSync(join(modules, '@dynoxide'), join(folder, 'dynoxide'));
    const { status, stderr } = start(OUT);
    renameSync(join(folder, 'dynoxide'), join(modules, '@dynoxide'));
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/^The DynamoDB server is missing: run npm install @dynoxide\/.*\n$/),
    });
  });
});

/** Resolves with what the first group matches in its output; rejects when it ends before. */
async function printed(child: ChildProcess, pattern: RegExp): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let output = '';
  const hear = (text: Buffer) => {
    output += text;
    const found = pattern.exec(output)?.[1];
    if (found !== undefined) resolve(found);
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  child.once('exit', () => reject(new Error(output)));
  return await promise;
}

const publish = (httpUrl: string, message: object) =>
  fetch(`${httpUrl}/notifications`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ to: { user: 'alice' }, ...message }),
  });

describe('an app in JavaScript', () => {
  const program = (head: string, props: string) => `${head}
    const app = new App();
    new NotificationBackend(new Stack(app, 'Shop'), 'Notifications', ${props});
    app.synth();`;

  /** Hides what somebody who has no types of their own does not install. */
  const withoutEsbuild = <T>(action: () => T): T => {
    renameSync(join(modules, 'esbuild'), join(folder, 'esbuild'));
    try {
      return action();
    } finally {
      renameSync(join(folder, 'esbuild'), join(modules, 'esbuild'));
    }
  };

  it.each([
    ['module.mjs', `import { App, Stack } from 'aws-cdk-lib'; import { NotificationBackend } from 'herald';`],
    [
      'script.cjs',
      `const { App, Stack } = require('aws-cdk-lib'); const { NotificationBackend } = require('herald');`,
    ],
  ])('needs no build and no esbuild: %s', (name, head) => {
    write(name, program(head, '{}'));
    const out = join(folder, `${name}.out`);
    expect(withoutEsbuild(() => synthesize([name], out))).toMatchObject({ status: 0, stderr: '' });
    expect(existsSync(join(out, 'Shop.template.json'))).toBe(true);
  });

  it('is told to install esbuild when it has message types of its own', () => {
    const head = `import { App, Stack } from 'aws-cdk-lib'; import { NotificationBackend } from 'herald';`;
    const entry = JSON.stringify(join(consumer, 'message-types.ts'));
    write('without.mjs', program(head, `{ messageTypes: { entry: ${entry} } }`));
    expect(withoutEsbuild(() => synthesize(['without.mjs'], join(folder, 'without.out'))).stderr).toContain(
      'InvalidSetting: messageTypes needs esbuild to bundle them: npm install --save-dev esbuild',
    );
  });
});

/** The construct in somebody else's app: packed, installed without any of our sources, and synthesized there. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const MODULES = join(ROOT, 'node_modules');
const folder = mkdtempSync(join(tmpdir(), 'herald-package-'));
const consumer = join(folder, 'orders');
const installed = join(consumer, 'node_modules', 'herald');

/** The `node` that runs us, as npm and the programs of the package need it. */
const env = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };
const LIMIT = { encoding: 'utf8', timeout: 90_000, env } as const;

beforeAll(() => {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const shell = process.platform === 'win32';
  const pack = (...args: string[]) =>
    execFileSync(npm, ['pack', '--silent', '--pack-destination', folder, ...args], {
      ...LIMIT,
      cwd: ROOT,
      shell,
    })
      .trim()
      .split('\n')
      .at(-1) ?? '';
  cpSync(join(ROOT, 'examples', 'orders'), consumer, { recursive: true });
  const tarballs = [pack(), pack('--ignore-scripts', join(MODULES, '@standard-schema', 'spec'))];
  install(npm, shell, tarballs);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As npm does it, but for the network: what the package leaves to its user to have stands in our own folder. */
function install(npm: string, shell: boolean, tarballs: string[]) {
  writeFileSync(join(consumer, 'package.json'), JSON.stringify({ name: 'orders', type: 'module' }));
  const offline = ['--offline', '--legacy-peer-deps', '--omit=optional', '--no-audit', '--no-fund'];
  const files = tarballs.map((name) => join(folder, name));
  execFileSync(npm, ['install', ...offline, ...files], { ...LIMIT, cwd: consumer, shell });
  for (const name of ['aws-cdk-lib', 'constructs', 'esbuild', 'valibot', '@types', 'undici-types']) {
    if (existsSync(join(MODULES, name)))
      symlinkSync(join(MODULES, name), join(consumer, 'node_modules', name), 'junction');
  }
}

const run = (app: string, context: Record<string, unknown> = {}) =>
  spawnSync(process.execPath, [app], {
    ...LIMIT,
    cwd: consumer,
    env: { ...env, CDK_OUTDIR: join(folder, `${app}.out`), CDK_CONTEXT_JSON: JSON.stringify(context) },
  });

interface Resource {
  Type: string;
  Properties: { Environment?: { Variables: Record<string, unknown> } };
  Metadata?: Record<string, string>;
}

/** By the last part of its construct's path: the folder of each Lambda that is an asset. */
function assetsOf(app: string): Record<string, string> {
  const out = join(folder, `${app}.out`);
  const template: { Resources: Record<string, Resource> } = JSON.parse(
    readFileSync(join(out, 'Shop.template.json'), 'utf8'),
  );
  const lambdas = Object.values(template.Resources).filter(
    ({ Type, Metadata }) => Type === 'AWS::Lambda::Function' && Metadata?.['aws:asset:path'],
  );
  return Object.fromEntries(
    lambdas.map(({ Metadata = {} }) => [
      String(Metadata['aws:cdk:path']).split('/').at(-2),
      join(out, String(Metadata['aws:asset:path'])),
    ]),
  );
}

/** `notify` as it starts on Lambda, asked for a message; what it answers, or what it fails with. */
function publish(bundle: string, message: object): string {
  const script = `
    const { handler } = await import(${JSON.stringify(join(bundle, 'index.mjs'))});
    const answer = await handler(${JSON.stringify({ to: { user: 'alice' }, ...message })}, { awsRequestId: 'r', getRemainingTimeInMillis: () => 29000 })
      .catch((error) => error);
    console.log(answer.message);`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    ...LIMIT,
    env: {
      ...env,
      CONNECTIONS_TABLE: 'c',
      DEVICES_TABLE: 'd',
      MESSAGES_TABLE: 'm',
      PUBLISHES_TABLE: 'p',
      CALLBACK_URL: 'http://127.0.0.1:1/prod',
      MAX_CONNECTIONS_PER_USER: '10',
      DEFAULT_RETENTION_SECONDS: '60',
      CLOSED_TYPES: 'true',
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'none',
      AWS_SECRET_ACCESS_KEY: 'none',
    },
  });
  return stdout.trim();
}

it('holds what was built, and none of our sources', () => {
  const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
  expect(readdirSync(installed).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
  expect(files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))).toEqual([]);
});

it('gives each of its entries', () => {
  const script = `
    for (const entry of ['herald', 'herald/message-types'])
      console.log(Object.keys(await import(entry)).sort().join());`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    ...LIMIT,
    cwd: consumer,
  });
  const [construct, types] = stdout.trim().split('\n');
  expect(construct).toBe('HeraldStack,InvalidSetting,NotificationBackend');
  expect(types?.split(',')).toContain('defineMessageTypes');
});

describe('the example', () => {
  it('compiles against the types of the package', () => {
    const tsc = join(
      dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
      'bin',
      'tsc',
    );
    const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', consumer], LIMIT);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });

  it('is synthesized, its message types in the bundle of notify', () => {
    const { status, stderr } = run('app.ts', {
      'aws:cdk:enable-path-metadata': true,
      'aws:cdk:enable-asset-metadata': true,
    });
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const assets = assetsOf('app.ts');
    expect(Object.keys(assets).sort()).toEqual([
      'authorizer',
      'connect',
      'disconnect',
      'message',
      'notify',
      'reconcile',
      'users',
    ]);
    const notify = String(assets.notify);
    expect(publish(notify, { type: 'cart.changed', data: { items: -1 } })).toBe(
      'data: does not fit its type',
    );
    expect(publish(notify, { type: 'other', data: 1 })).toBe('type: "other" is not a known type');
  });
});

describe('an app in JavaScript', () => {
  const program = (head: string, props: string) => `${head}
    const app = new App();
    new NotificationBackend(new Stack(app, 'Shop'), 'Notifications', ${props});
    app.synth();`;
  const write = (name: string, text: string) => writeFileSync(join(consumer, name), text);

  it.each([
    ['module.mjs', `import { App, Stack } from 'aws-cdk-lib'; import { NotificationBackend } from 'herald';`],
    [
      'script.cjs',
      `const { App, Stack } = require('aws-cdk-lib'); const { NotificationBackend } = require('herald');`,
    ],
  ])('needs no build and no esbuild: %s', (name, head) => {
    rmSync(join(consumer, 'node_modules', 'esbuild'), { force: true });
    write(name, program(head, '{}'));
    expect(run(name)).toMatchObject({ status: 0, stderr: '' });
    mkdirSync(join(folder, `${name}.out`), { recursive: true });
    expect(existsSync(join(folder, `${name}.out`, 'Shop.template.json'))).toBe(true);
  });

  it('is told to install esbuild when it has message types of its own', () => {
    const head = `import { App, Stack } from 'aws-cdk-lib'; import { NotificationBackend } from 'herald';`;
    const entry = JSON.stringify(join(consumer, 'message-types.ts'));
    write('without.mjs', program(head, `{ messageTypes: { entry: ${entry} } }`));
    expect(run('without.mjs').stderr).toContain(
      'InvalidSetting: messageTypes needs esbuild to bundle them: npm install --save-dev esbuild',
    );
  });
});

/** What is uploaded: each Lambda as one small module that starts with exactly the environment the stack gives it. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Template } from 'aws-cdk-lib/assertions';
import { buildSync } from 'esbuild';
import { afterAll, describe, expect, it } from 'vitest';
import { LAMBDA_NAMES } from '../../lambdas/manifest.ts';
import { bundleHandler, bundleMessageTypes, OWN_MESSAGE_TYPES } from '../../lib/bundle.ts';
import { HeraldStack, type HeraldStackProps } from '../../lib/herald-stack.ts';
import type { AwsClient } from '../../lib/settings.ts';
import { createApp, findAll } from './synth.ts';

const outdir = mkdtempSync(join(tmpdir(), 'herald-bundles-'));
afterAll(() => rmSync(outdir, { recursive: true }));

interface Bundle {
  name: string;
  folder: string;
  environment: Record<string, string>;
}

/** Stands for what only a deployment knows; it passes as a name and as a URL. */
const DEPLOYED = 'https://deployed.example/value';

function lambdasOf(out: string, props: HeraldStackProps = {}) {
  const context = { 'aws:cdk:bundling-stacks': ['**'], 'aws:cdk:enable-asset-metadata': true };
  const stack = new HeraldStack(createApp(context, out), 'Herald', props);
  return findAll(Template.fromStack(stack), 'AWS::Lambda::Function');
}

/** A logical id has no hyphens. */
const nameOf = (id: string): string => {
  const letters = id.replace(/^Backend(Functions|Authorizer)|[0-9A-F]{8}$/g, '');
  return LAMBDA_NAMES.find((name) => name.replaceAll('-', '') === letters) ?? letters;
};

const bundles: Bundle[] = lambdasOf(outdir).map(({ id, Properties, Metadata }) => {
  const { Variables } = Properties.Environment as { Variables: Record<string, unknown> };
  const values = Object.entries(Variables).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : DEPLOYED,
  ]);
  return {
    name: nameOf(id),
    folder: join(outdir, String(Metadata?.['aws:asset:path'])),
    environment: Object.fromEntries(values),
  };
});

const run = promisify(execFile);

const importsOf = (code: string): string[] =>
  [...code.matchAll(/(?:^|[;}\n])import(?:[^'"();]*from)?\s*["']([^"']+)["']/g)].map(([, from = '']) => from);

it('there are twelve', () => expect(bundles).toHaveLength(12));

/** Kilobytes: what a Lambda loads is most of its cold start. Nothing but a measurement in `tools/bench/` should raise these. */
const BUDGETS: Record<string, number> = {
  authorizer: 48,
  connect: 35,
  disconnect: 33,
  message: 96,
  notify: 84,
  outbox: 81,
  lifecycle: 42,
  later: 66,
  'fan-out': 72,
  reconcile: 99,
  users: 87,
  topics: 73,
};

describe.each(bundles)('$name', ({ name, folder, environment }) => {
  const file = join(folder, 'index.mjs');

  it('is one minified ES module that needs nothing beside it, but the message types where it publishes', () => {
    const registry = ['notify', 'outbox'].includes(name) ? ['message-types.mjs'] : [];
    const stomp = name === 'message' ? ['stomp.mjs'] : [];
    const pump = ['notify', 'outbox', 'fan-out'].includes(name) ? ['pump.mjs'] : [];
    const files = ['index.mjs', ...registry, ...pump, ...stomp].flatMap((one) => [one, `${one}.map`]);
    expect(readdirSync(folder).sort()).toEqual(files);
    const code = readFileSync(file, 'utf8');
    const imports = importsOf(code);
    expect(imports.length).toBeGreaterThan(0);
    const ours = imports.filter(
      (from) => !from?.startsWith('node:') && !builtinModules.includes(String(from)),
    );
    expect(ours).toEqual(registry.map((one) => `./${one}`));
    expect(code).toMatch(/export\s*\{[^}]*\bhandler\b/);
    expect(code.length / code.split('\n').length).toBeGreaterThan(200);
  });

  it('is no larger than its budget', () => {
    expect(statSync(file).size / 1024).toBeLessThan(BUDGETS[name] ?? 0);
  });

  it('imports no module of Node that is slow to import', () => {
    const imported = importsOf(readFileSync(file, 'utf8'));
    for (const slow of ['http', 'https', 'http2', 'net', 'tls']) {
      expect(imported).not.toContain(slow);
      expect(imported).not.toContain(`node:${slow}`);
    }
  });

  it('has a source map that leads back to our handler', () => {
    expect(readFileSync(file, 'utf8')).toMatch(/\n\/\/# sourceMappingURL=index\.mjs\.map\s*$/);
    const { sources }: { sources: string[] } = JSON.parse(readFileSync(`${file}.map`, 'utf8'));
    expect(sources.some((source) => source.endsWith(`lambdas/handlers/${name}.ts`))).toBe(true);
  });

  it('starts on Node 24 and exports its handler', async () => {
    const script = `const { handler } = await import(${JSON.stringify(pathToFileURL(file).href)});
      console.log(process.versions.node.split('.')[0], typeof handler);`;
    const env = { ...environment, AWS_REGION: 'eu-west-1' };
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
      env,
      timeout: 60_000,
    });
    expect(stdout).toBe('24 function\n');
  });

  it('does not start without a setting it needs, and names it', async () => {
    const script = `await import(${JSON.stringify(pathToFileURL(file).href)});`;
    const started = run(process.execPath, ['--input-type=module', '-e', script], {
      env: {},
      timeout: 60_000,
    });
    await expect(started).rejects.toThrow(
      name === 'authorizer' ? 'Set either JWT_SECRET_ARN or JWKS_URL' : 'CONNECTIONS_TABLE is not set',
    );
  });
});

describe('clients of STOMP', () => {
  /** What of them is in the bundle that is loaded for everybody, in kilobytes. */
  function kilobytesIn(name: string): number {
    const { metafile } = buildSync({
      entryPoints: [`lambdas/entry/${name}.ts`],
      alias: { '#aws-client': './lambdas/aws/lean/index.ts', '#message-types': './lambdas/message-types.ts' },
      external: ['#stomp', '#pump'],
      ...{ bundle: true, write: false, minify: true, metafile: true, format: 'esm', platform: 'node' },
      outdir: 'nowhere',
    });
    const parts = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
    const theirs = parts.filter(([path]) => /stomp|pending|socket-names|client-traits/.test(path));
    expect(theirs.length).toBeGreaterThan(0);
    return theirs.reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0) / 1024;
  }

  it.each(['connect', 'message', 'notify'])('cost the others at most 6 KB of %s', (name) => {
    expect(kilobytesIn(name)).toBeLessThan(6);
  });
});

describe('the AWS SDK', () => {
  /** The packages of the SDK that are in the bundle of `notify`, its own size in kilobytes, and what it exports. */
  async function notifyWith(awsClient: AwsClient) {
    const folder = join(outdir, `notify-${awsClient}`);
    bundleHandler('notify', folder, awsClient);
    bundleMessageTypes(OWN_MESSAGE_TYPES, folder);
    const file = join(folder, 'index.mjs');
    const { sources }: { sources: string[] } = JSON.parse(readFileSync(`${file}.map`, 'utf8'));
    const packages = sources.flatMap(
      (path) => /node_modules\/(@(?:aws-sdk|smithy)\/[^/]+)/.exec(path)?.[1] ?? [],
    );
    const environment = bundles.find(({ name }) => name === 'notify')?.environment;
    const script = `const { handler } = await import(${JSON.stringify(pathToFileURL(file).href)}); console.log(typeof handler);`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...environment, AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'A', AWS_SECRET_ACCESS_KEY: 'S' },
      timeout: 60_000,
    });
    return { packages: new Set(packages), kilobytes: statSync(file).size / 1024, exported: stdout.trim() };
  }

  it('is in no bundle unless it is chosen', async () => {
    expect(await notifyWith('lean')).toMatchObject({ packages: new Set(), exported: 'function' });
  });

  it('is where it is chosen, without what looks for credentials', async () => {
    const { packages, kilobytes, exported } = await notifyWith('sdk');
    expect(exported).toBe('function');
    for (const client of ['client-dynamodb', 'lib-dynamodb', 'client-apigatewaymanagementapi'])
      expect(packages).toContain(`@aws-sdk/${client}`);
    const chain = [...packages].filter((name) =>
      /credential-provider|token-providers|nested-clients/.test(name),
    );
    expect(chain).toEqual([]);
    expect(kilobytes).toBeLessThan(320);
  });

  it('chosen for a stack is in the Lambdas that keep state, and in nothing else', () => {
    const out = join(outdir, 'sdk');
    const withSdk = lambdasOf(out, { awsClient: 'sdk' }).filter(({ Metadata }) =>
      readFileSync(join(out, String(Metadata?.['aws:asset:path']), 'index.mjs.map'), 'utf8').includes(
        'node_modules/@aws-sdk/',
      ),
    );
    expect(withSdk.map(({ id }) => nameOf(id)).sort()).toEqual(
      Object.keys(BUDGETS)
        .filter((name) => name !== 'authorizer')
        .sort(),
    );
  });
});

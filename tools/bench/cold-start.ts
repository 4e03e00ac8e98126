/** 2. How long until a cold Lambda has made its first call, and what does each dependency add? */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, buildSync } from 'esbuild';
import { LAMBDAS, type LambdaName } from '../../lambdas/manifest.ts';
import { bundleHandler, bundleMessageTypes, OWN_MESSAGE_TYPES } from '../../lib/bundle.ts';
import { startCannedAws } from './canned-aws.ts';
import { environmentOf, FIRST_EVENTS } from './first-events.ts';
import * as naiveLambdas from './naive-lambdas.ts';
import type { Question, Row } from './result.ts';
import { percentile } from './statistics.ts';

const ROOT = join(import.meta.dirname, '../..');
const CHILD = fileURLToPath(new URL('./cold-start-child.mjs', import.meta.url));
const ROUNDS = 9;
/** Another process on the machine can only slow a start down: the quicker ones are those that nobody disturbed. */
const UNDISTURBED = 0.2;

/** Milliseconds and kilobytes. */
const GOALS: Record<keyof typeof naiveLambdas, [number, number]> = {
  authorizer: [25, 70],
  connect: [70, 260],
  disconnect: [70, 260],
  message: [75, 260],
  notify: [75, 260],
  reconcile: [75, 260],
};

const DEPENDENCIES = [
  '@aws-sdk/client-dynamodb',
  '@aws-sdk/lib-dynamodb',
  '@aws-sdk/client-apigatewaymanagementapi',
  '@aws-sdk/client-secrets-manager',
  'jsonwebtoken',
  'jwks-rsa',
  'valibot',
];

const PLAIN: BuildOptions = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  logLevel: 'silent',
  banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
};

export const measure: Question = async (progress) => {
  const folder = mkdtempSync(join(tmpdir(), 'herald-bench-'));
  const aws = await startCannedAws();
  try {
    const files = bundleAll(folder);
    const env = environmentOf(aws.url);
    const times = new Map<string, number[]>(Object.keys(files).map((name) => [name, []]));
    for (let round = 1; round <= ROUNDS; round++) {
      progress(`round ${round}/${ROUNDS}`);
      for (const [name, { file, event }] of Object.entries(files))
        times.get(name)?.push(await timeOf(file, event, env));
    }
    const timeTo = (name: string) => percentile(times.get(name) ?? [], UNDISTURBED);
    const bare = timeTo('bare');
    const added = (name: string) => timeTo(name) - bare;
    const kilobytes = (name: string) => statSync(files[name]?.file ?? '').size / 1024;
    return {
      title: 'Cold start',
      rows: Object.entries(GOALS).flatMap(([name, [ms, kb]]): Row[] => [
        {
          what: `${name}: load and first call, bare Node subtracted`,
          unit: 'ms',
          ours: added(name),
          naive: added(`naive ${name}`),
          goal: `≤ ${ms} ms`,
          held: added(name) <= ms,
        },
        {
          what: `${name}: bundle`,
          unit: 'KB',
          ours: kilobytes(name),
          naive: kilobytes(`naive ${name}`),
          goal: `≤ ${kb} KB`,
          held: kilobytes(name) <= kb,
        },
      ]),
      plots: [
        {
          title: 'Load and first call of a cold Lambda, bare Node subtracted',
          unit: 'ms',
          groups: Object.keys(GOALS).map((name) => ({
            label: name,
            bars: [
              { name: 'Herald', value: added(name) },
              { name: 'with the AWS SDK', value: added(`naive ${name}`) },
            ],
          })),
        },
      ],
      notes: [
        `Bare Node: ${bare.toFixed(1)} ms. Of nine starts each, the second fastest: whatever else the machine does only ever adds. Naive: what the Lambda does at least, with the AWS SDK, bundled with esbuild's defaults and an inline source map.`,
        `What each dependency costs to load, minified and alone: ${DEPENDENCIES.map((name) => `${name} ${added(name).toFixed(0)} ms, ${kilobytes(name).toFixed(0)} KB`).join('; ')}.`,
      ],
    };
  } finally {
    await aws.stop();
    rmSync(folder, { recursive: true });
  }
};

type Files = Record<string, { file: string; event: unknown }>;

function bundleAll(folder: string): Files {
  const files: Files = { bare: { file: 'bare', event: undefined } };
  for (const [name, event] of Object.entries(FIRST_EVENTS) as [LambdaName, unknown][]) {
    const ours = join(folder, name);
    bundleHandler(name, ours);
    if (LAMBDAS[name].messageTypes) bundleMessageTypes(OWN_MESSAGE_TYPES, ours);
    files[name] = { file: join(ours, 'index.mjs'), event };
    if (name in naiveLambdas) files[`naive ${name}`] = { file: bundleNaive(folder, name), event };
  }
  for (const name of DEPENDENCIES) files[name] = { file: bundleDependency(folder, name), event: undefined };
  return files;
}

function bundleNaive(folder: string, name: LambdaName): string {
  const outfile = join(folder, `naive-${name}.mjs`);
  buildSync({
    ...PLAIN,
    stdin: {
      contents: `export { ${name} as handler } from './naive-lambdas.ts';`,
      resolveDir: import.meta.dirname,
    },
    outfile,
    sourcemap: 'inline',
  });
  return outfile;
}

function bundleDependency(folder: string, name: string): string {
  const base = name.replace('/', '-');
  const entry = join(folder, `${base}.ts`);
  const client = name.startsWith('@aws-sdk/client-') ? clientOf(name) : undefined;
  writeFileSync(
    entry,
    client
      ? `import { ${client} } from '${name}'; new ${client}({});`
      : `import * as all from '${name}'; globalThis.kept = all;`,
  );
  const outfile = join(folder, `${base}.mjs`);
  buildSync({
    ...PLAIN,
    entryPoints: [entry],
    outfile,
    minify: true,
    mainFields: ['module', 'main'],
    nodePaths: [join(ROOT, 'node_modules')],
  });
  return outfile;
}

const clientOf = (name: string): string =>
  ({
    '@aws-sdk/client-dynamodb': 'DynamoDBClient',
    '@aws-sdk/client-apigatewaymanagementapi': 'ApiGatewayManagementApiClient',
  })[name] ?? 'SecretsManagerClient';

/** Milliseconds from the start of the process until the answer. `file`: exports the handler. */
export async function timeOf(file: string, event: unknown, env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(process.execPath, [CHILD, file, JSON.stringify(event ?? null)], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await once(child, 'close');
  const time = /done ([\d.]+)/.exec(output)?.[1];
  if (time === undefined) throw new Error(`${file} failed: ${output}`);
  return Number(time);
}

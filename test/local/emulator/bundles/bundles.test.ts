/** `--bundles`: what CDK deploys, run as Lambda would, and what is said when it cannot be. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Bundle } from '../../../../local/emulator/bundles/assembly.ts';
import { createFleet, type Fleet } from '../../../../local/emulator/bundles/fleet.ts';
import { startInstance } from '../../../../local/emulator/bundles/instance.ts';
import { startBundledLambdas } from '../../../../local/emulator/bundles/lambdas.ts';
import { timedOut } from '../../../../local/emulator/lambdas.ts';

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'herald-bundles-test-'));
  folders.push(folder);
  return folder;
}

const local = {
  tables: {
    ...{ connections: 'c', devices: 'd', messages: 'm', publishes: 'p' },
    ...{ subscriptions: 's', members: 'mb', cursors: 'cu', outbox: 'ob', presence: 'pr' },
  },
  secretArn: 'arn:secret',
  httpUrl: 'http://127.0.0.1:8787',
};

/** What `cdk synth` writes for one Lambda `echo` with this code. */
async function assembly(code: string | undefined, Variables: Record<string, unknown> = {}): Promise<string> {
  const folder = await newFolder();
  await mkdir(join(folder, 'asset.1'));
  if (code !== undefined) await writeFile(join(folder, 'asset.1/index.mjs'), code);
  const template = {
    Resources: {
      Echo: {
        Type: 'AWS::Lambda::Function',
        Metadata: { 'aws:cdk:path': 'Herald/Backend/Functions/echo/Resource', 'aws:asset:path': 'asset.1' },
        Properties: { Handler: 'index.handler', Timeout: 1, MemorySize: 512, Environment: { Variables } },
      },
    },
  };
  await writeFile(join(folder, 'Herald.template.json'), JSON.stringify(template));
  return folder;
}

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

async function start(folder: string, construct?: string) {
  const options = {
    names: ['echo'],
    assembly: folder,
    construct,
    local,
    services: { AWS_ENDPOINT_URL: 'x' },
    quiet: true,
    told: () => {},
  };
  const lambdas = await startBundledLambdas(options);
  running.push(lambdas);
  return lambdas;
}

describe('a bundled Lambda', () => {
  it('has the environment of its template and of Lambda, and nothing of ours', async () => {
    process.env.OURS = 'secret';
    const code = 'export const handler = async () => process.env;';
    const lambdas = await start(await assembly(code, { SETTING: '1', URL: { Ref: 'AWS::Region' } }));
    delete process.env.OURS;
    const environment = (await lambdas.invoke('echo', {})) as Record<string, string>;
    expect(environment).toMatchObject({
      SETTING: '1',
      URL: 'us-east-1',
      AWS_LAMBDA_FUNCTION_NAME: 'herald-echo',
    });
    const foreign = Object.keys(environment).filter(
      (name) => !/^(AWS_|LAMBDA_|_HANDLER|PATH|LANG|TZ)/.test(name),
    );
    expect(foreign).toEqual(['SETTING', 'URL']);
  });

  it('is given the event as JSON and a context, and answers with JSON', async () => {
    const code =
      'export const handler = async (event, context) => ({ event, context, left: context.getRemainingTimeInMillis() });';
    const lambdas = await start(await assembly(code));
    const answer = await lambdas.invoke('echo', { when: new Date(0), none: undefined }, 'request-1');
    expect(answer).toMatchObject({
      event: { when: '1970-01-01T00:00:00.000Z' },
      context: { awsRequestId: 'request-1', memoryLimitInMB: '512', functionName: 'herald-echo' },
      left: expect.any(Number),
    });
  });

  it('runs one event at a time in each process, in several processes at once', async () => {
    const code = `let at = 0; export const handler = async () => { const now = ++at;
      await new Promise(setImmediate); at--; return [process.pid, now]; };`;
    const lambdas = await start(await assembly(code));
    const answers = await Promise.all(Array.from({ length: 20 }, () => lambdas.invoke('echo', {})));
    const [pids, atOnce] = [0, 1].map(
      (index) => new Set(answers.map((answer) => (answer as number[])[index])),
    );
    expect(atOnce).toEqual(new Set([1]));
    expect(pids?.size).toBeLessThanOrEqual(4);
  });

  it.each([
    ['throws', 'throw new TypeError("no")', { errorType: 'TypeError', message: 'no' }],
    ['answers what is not JSON', 'return 1n', { errorType: 'TypeError' }],
    ['ends its process', 'process.exit(3)', { errorType: 'Runtime.ExitError' }],
    [
      'takes too long',
      'await new Promise(() => setInterval(() => {}, 1000))',
      { errorType: 'Sandbox.Timedout' },
    ],
  ])('that %s fails, and the next run succeeds', async (_name, body, fault) => {
    const code = `export const handler = async ({ fails }) => { if (fails) { ${body}; } return 'fine'; };`;
    const lambdas = await start(await assembly(code));
    await expect(lambdas.invoke('echo', { fails: true })).rejects.toMatchObject(fault);
    expect(await lambdas.invoke('echo', {})).toBe('fine');
  });
});

describe('bundles that cannot run are refused in one line', () => {
  it.each([
    [
      'a setting is missing',
      'throw new Error("SETTING is not set")',
      'The bundle of echo does not start: SETTING is not set',
    ],
    [
      'an import is missing',
      'import "nowhere";',
      "The bundle of echo does not start: Cannot find package 'nowhere'",
    ],
    [
      'it is no module',
      'const x = require("x");',
      'The bundle of echo does not start: require is not defined',
    ],
    [
      'it has no handler',
      'export const other = 1;',
      'The bundle of echo does not start: it exports no function handler',
    ],
    [
      'its process ends',
      'process.exit(1)',
      'The bundle of echo does not start: Runtime exited with status 1',
    ],
    ['it was not bundled', undefined, 'has no bundle of echo'],
  ])('%s', async (_name, code, line) => {
    const folder = await assembly(code);
    await expect(start(folder)).rejects.toThrow(line);
  });

  it('the folder is none of CDK, or of an app without Herald', async () => {
    await expect(start(await newFolder())).rejects.toThrow('has no Herald in it');
    await expect(start('/nowhere')).rejects.toThrow('/nowhere cannot be read: run cdk synth first');
  });

  it('the app has several Heralds, and none or a wrong one is chosen', async () => {
    const folder = await assembly('export const handler = () => 1;');
    const text = await readFile(join(folder, 'Herald.template.json'), 'utf8');
    const another = join(folder, 'assembly-Prod');
    await cp(join(folder, 'asset.1'), join(another, 'asset.1'), { recursive: true });
    await writeFile(join(another, 'Herald.template.json'), text.replaceAll('Herald/', 'Prod/Herald/'));
    await expect(start(folder)).rejects.toThrow(
      'holds several Heralds: choose one of Herald/Backend, Prod/Herald/Backend with --construct',
    );
    await expect(start(folder, 'Shop')).rejects.toThrow('has no Herald at Shop, but at Herald/Backend, Prod');
    const lambdas = await start(folder, 'Prod/Herald/Backend');
    expect(await lambdas.invoke('echo', {})).toBe(1);
  });
});

describe('a fleet', () => {
  it('leaves no process behind, not even one that is only starting', async () => {
    const folder = await assembly('export const handler = async () => process.pid;');
    const bundle: Bundle = {
      ...{ name: 'echo', folder, file: join(folder, 'asset.1/index.mjs'), exportName: 'handler' },
      ...{ timeoutMs: 1000, memoryMegabytes: 512, environment: {} },
    };
    const startOne = () => startInstance({ bundle, environment: {}, quiet: true, told: () => {} });
    const first = await startOne();
    const fleet: Fleet = createFleet(first, startOne);
    const message = () => ({ event: '{}', context: {} as never, deadlineAt: Date.now() + 1000 });
    const late = () => timedOut('request', 1000);
    const runs = Array.from({ length: 8 }, () => fleet.invoke(message, 5000, late).catch(() => undefined));
    await fleet.stop();
    expect(first.hasEnded).toBe(true);
    const pids = (await Promise.all(runs)).filter((pid) => typeof pid === 'number');
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

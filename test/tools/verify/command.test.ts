/** `npm run e2e` as its user sees it: what it makes of its options, what it says of a wrong one, what it reports. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SpawnedStack, spawnStack } from '../../../local/cli/spawn.ts';
import { parseOptions } from '../../../tools/verify/options.ts';
import { quantile } from '../../../tools/verify/report.ts';

const ROOT = join(import.meta.dirname, '../../..');
const OUTPUTS = {
  WebSocketUrl: 'wss://a.execute-api.eu-west-1.amazonaws.com/prod',
  HttpUrl: 'https://b.execute-api.eu-west-1.amazonaws.com',
  EventBusName: 'bus',
  NotifyFunctionName: 'notify-fn',
  JwtSecretArn: 'arn:aws:secretsmanager:eu-west-1:1:secret:x-abcdef',
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'herald-verify-'));
  await writeFile(join(folder, 'one.json'), JSON.stringify({ Herald: OUTPUTS, Other: { Url: 'x' } }));
  await writeFile(join(folder, 'two.json'), JSON.stringify({ Herald: OUTPUTS, Herald2: OUTPUTS }));
  await writeFile(join(folder, 'none.json'), '{"Other":{"Url":"x"}}');
  await writeFile(join(folder, 'text.json'), 'no');
});
afterAll(() => rm(folder, { recursive: true }));

/** File names stand for those in our folder. */
const parse = (...args: string[]) =>
  parseOptions(args.map((arg) => (arg.endsWith('.json') ? join(folder, arg) : arg)));

describe('the options', () => {
  it('without a target start a local stack', () => {
    expect(parse()).toEqual({ kind: 'local', stackArgs: ['--stomp'], stomp: true });
    const bundles = { kind: 'local', stackArgs: ['--bundles', '--cdk-out', 'x'] };
    expect(parse('--bundles', '--cdk-out', 'x')).toEqual({ ...bundles, stomp: false });
    // Whether bundles serve STOMP was decided when they were made.
    expect(parse('--bundles', '--cdk-out', 'x', '--stomp')).toEqual({ ...bundles, stomp: true });
  });

  it('take everything from the outputs of cdk deploy', () => {
    expect(parse('--outputs', 'one.json')).toMatchObject({
      target: {
        wsUrl: OUTPUTS.WebSocketUrl,
        httpUrl: OUTPUTS.HttpUrl,
        bus: 'bus',
        functionName: 'notify-fn',
        secret: { arn: OUTPUTS.JwtSecretArn },
        maxConnectionsPerUser: 10,
      },
    });
    expect(
      parse('--outputs', 'two.json', '--stack', 'Herald2', '--jwt-secret', 's', '--bus', 'b'),
    ).toMatchObject({
      target: { wsUrl: OUTPUTS.WebSocketUrl, bus: 'b', secret: { text: 's' } },
    });
  });

  const urls = ['--ws', 'ws://a', '--http', 'http://a/'];
  it('take a stack that is named by its URLs', () => {
    expect(parse(...urls, '--jwt-secret', 's')).toMatchObject({
      target: { wsUrl: 'ws://a', httpUrl: 'http://a', bus: undefined, functionName: undefined },
    });
  });

  it.each<[string[], string]>([
    [['--ws', 'ws://a'], '--http is missing'],
    [['--ws', 'http://a', '--http', 'http://a'], '--ws is "http://a", expected ws://… or wss://…'],
    [['--http', 'http://a'], '--ws is missing'],
    [urls, '--jwt-secret or --jwt-secret-arn is missing'],
    [[...urls, '--jwt-secret', 's', '--jwt-secret-arn', 'a'], 'both --jwt-secret and --jwt-secret-arn'],
    [[...urls, '--jwt-secret', ''], '--jwt-secret is empty'],
    [[...urls, '--jwt-secret', 's', '--max-connections', '0'], '--max-connections is "0"'],
    [[...urls, '--jwt-secret', 's', '--endpoint-url', 'x'], '--endpoint-url is "x"'],
    [['--bundles', ...urls], '--bundles is for the local stack, but --ws names another'],
    [['--cdk-out', 'x'], '--cdk-out is for --bundles'],
    [['--outputs', 'two.json'], 'has several stacks, choose one with --stack: Herald, Herald2'],
    [['--outputs', 'one.json', '--stack', 'No'], '--stack is "No"'],
    [['--outputs', 'none.json'], 'has no stack of Herald'],
    [['--outputs', 'text.json'], 'text.json cannot be read'],
    [['--outputs', 'missing.json'], 'missing.json cannot be read'],
    [['--stack', 'x'], '--stack is for --outputs'],
    [['--wss', 'x'], "Unknown option '--wss'"],
    [['x'], 'Unexpected argument'],
  ])('%j is refused', (args, line) => {
    expect(() => parse(...args)).toThrow(line);
  });
});

describe('npm run e2e', () => {
  const SECRET = 'a secret of this test, long enough for HS256';
  let stack: SpawnedStack;
  beforeAll(async () => {
    stack = await spawnStack([], { HERALD_JWT_SECRET: SECRET });
  });
  afterAll(async () => {
    await stack.stop();
  });

  async function run(...args: string[]) {
    const child = spawn(process.execPath, ['tools/verify/main.ts', ...args], { cwd: ROOT });
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    return { stdout, stderr, code };
  }

  it('answers a wrong secret, a wrong URL and a wrong option with one line and exit 1', async () => {
    const wrong: [string[], string][] = [
      [['--ws', stack.wsUrl, '--http', stack.httpUrl, '--jwt-secret', 'x'], 'refuses a connection with 401'],
      [['--ws', stack.wsUrl, '--http', 'http://127.0.0.1:1', '--jwt-secret', SECRET], 'cannot be reached'],
      [['--ws', 'ws://127.0.0.1:1', '--http', stack.httpUrl, '--jwt-secret', SECRET], 'cannot be reached'],
      [['--ws', stack.wsUrl, '--http', `${stack.httpUrl}/x`, '--jwt-secret', SECRET], 'answers 404'],
      [['--bundles', '--cdk-out', '/nowhere'], '/nowhere cannot be read'],
      [['--nonsense'], "Unknown option '--nonsense'"],
    ];
    for (const [args, line] of wrong) {
      const { code, stderr, stdout } = await run(...args);
      expect([code, stdout], stderr).toEqual([1, '']);
      expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(line)]);
    }
  });
});

it('a quantile is a time that was measured', () => {
  expect(quantile([3, 1, 2], 0.5)).toBe(2);
  expect(quantile([1, 2, 3, 4], 0.99)).toBe(4);
  expect(quantile([5], 0.5)).toBe(5);
});

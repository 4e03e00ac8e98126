/** The commands of the documentation, with the programs themselves where a machine has them. */
import { createRequire } from 'node:module';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterEach, describe, expect, it } from 'vitest';
import type { Command } from '../../local/cli/command.ts';
import { parseStart } from '../../local/cli/commands/start.ts';
import { COMMANDS, isCommandName } from '../../local/cli/commands.ts';
import { parseCommand } from '../../local/cli/parse.ts';
import { DEFAULT_JWT_SECRET } from '../../local/cli/token.ts';
import { block, CLAIMS, read } from './blocks.ts';
import { argumentsOf, commandsOf, node, type Run, start, stop, works } from './commands.ts';
import { LocalStack } from './local-stack.ts';

const stack = new LocalStack();
const [
  FIRST,
  BY_HAND,
  CURL,
  PACK,
  INSTALL,
  START_THERE,
  HERALD_THERE,
  PACK_CLIENT,
  INSTALL_CLIENT,
  SIGNED,
  PYTHON,
  WSCAT,
  START,
  BUNDLES,
  COMMAND_LINE,
  COST,
  COMPARISON,
  SIMULATE,
  START_OPEN,
  CURL_TOPIC,
  CURL_MEMBERS,
] = CLAIMS.shell;

const running: Run[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map(stop));
});
const started = (run: Run): Run => {
  running.push(run);
  return run;
};

/** The one message of a user there is, whatever way it came. */
const published = async (user: string) => {
  const [message] = await stack.messages(user);
  return message;
};

const ORDER = { id: 'order-1-shipped', type: 'order.shipped', data: { orderId: 1 } };

it('npm run demo tells its story to the end', async () => {
  // Not `npm ci` and `npm run check`: the former replaces what runs these tests, the latter takes minutes.
  expect(commandsOf(block(FIRST)).map((words) => words.join(' '))).toEqual([
    ...['npm ci', 'npm run demo', 'npm ci', 'npm run check'],
  ]);
  const { code, stderr } = await node(['local/cli/cli.ts', 'demo']).ended;
  expect(code, stderr).toBe(0);
});

it('npm run herald listens and sends', async () => {
  const herald = (command: string, url: string) =>
    started(
      node(
        [
          'local/cli/cli.ts',
          command,
          ...argumentsOf(block(BY_HAND), `npm run herald -- ${command}`),
          '--url',
          url,
        ],
        {
          HERALD_JWT_SECRET: DEFAULT_JWT_SECRET,
        },
      ),
    );
  const listening = herald('listen', stack.wsUrl);
  await listening.prints(/(replay)/);
  const { code } = await herald('send', stack.httpUrl).ended;
  expect(code).toBe(0);
  await listening.prints(/("orderId":1)/);
});

it('npm run herald has the commands and options the guide tells of', () => {
  // Each at work: test/e2e/local/commands.test.ts.
  for (const [, , , , name = '', ...args] of commandsOf(block(COMMAND_LINE))) {
    if (!isCommandName(name)) throw new Error(`there is no command ${name}`);
    expect(() => parseCommand(name, COMMANDS[name] as Command, args)).not.toThrow();
  }
});

it("npx herald has the commands and options the guide tells of in somebody else's app", () => {
  // Each at work, from the installed package: test/packages/construct.test.ts.
  const { bin } = createRequire(import.meta.url)('../../package.json');
  expect(bin).toHaveProperty('herald');
  expect(parseStart(argumentsOf(block(START_THERE), 'npx herald start'))).toMatchObject({
    bundles: { assembly: 'cdk.out' },
  });
  for (const [, , name = '', ...args] of commandsOf(block(HERALD_THERE))) {
    if (!isCommandName(name)) throw new Error(`there is no command ${name}`);
    expect(() => parseCommand(name, COMMANDS[name] as Command, args)).not.toThrow();
  }
});

describe('curl', () => {
  const VARS = () => ({
    HTTP_URL: stack.httpUrl,
    ...{ AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'session' },
  });

  it.each([
    [CURL, 'curl-readme'],
    [SIGNED, 'curl-guide'],
  ])('%s publishes', async (claim, user) => {
    const args = argumentsOf(block(claim), 'curl', VARS()).map((word) =>
      word.replace('http://127.0.0.1:8787', stack.httpUrl).replace('"alice"', `"${user}"`),
    );
    if (await works('curl', '--version')) {
      const { code, stdout, stderr } = await start('curl', ['--silent', '--show-error', ...args]).ended;
      expect([code, JSON.parse(stdout)], stderr).toMatchObject([0, { id: ORDER.id }]);
    } else await fetchAs(args);
    expect(await published(user)).toMatchObject(ORDER);
  });
});

it('curl publishes to a topic, and keeps its members', async () => {
  const requests = [...commandsOf(block(CURL_TOPIC)), ...commandsOf(block(CURL_MEMBERS))];
  for (const [program, ...args] of requests) {
    expect(program).toBe('curl');
    await fetchAs(args.map((word) => word.replace('http://127.0.0.1:8787', stack.httpUrl)));
  }
  expect(await stack.request('GET', '/topics/news/messages')).toMatchObject({
    messages: [{ id: 'news-1', data: { text: 'Hello' } }],
  });
  expect(await stack.request('GET', '/topics/team.7/members')).toMatchObject({
    members: [{ userId: 'bob' }],
  });
});

/** The same request without the program. */
async function fetchAs(args: string[]): Promise<void> {
  const after = (option: string) => args.flatMap((word, at) => (args[at - 1] === option ? [word] : []));
  const headers = after('-H').map((line): [string, string] => {
    const [name = '', value = ''] = line.split(': ');
    return [name, value];
  });
  const url = args.find((word) => word.startsWith('http')) ?? '';
  const body = after('-d').join('');
  const [method = body === '' ? 'GET' : 'POST'] = after('-X');
  const response = await fetch(url, { method, headers, ...(body !== '' && { body }) });
  expect(response.ok, await response.text()).toBe(true);
}

it('Python publishes by an Invoke', async () => {
  const text = block(PYTHON).replace('"alice"', '"python"');
  if (await works('python3', '-c', 'import boto3')) {
    const { code, stderr } = await start('python3', ['-c', `notify_function = "notify"\n${text}`], stack.aws)
      .ended;
    expect(code, stderr).toBe(0);
  } else {
    const payload = text.match(/^notification = (.*)$/m)?.[1] ?? '';
    const lambda = new LambdaClient({
      endpoint: stack.httpUrl,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    const { FunctionError } = await lambda.send(
      new InvokeCommand({ FunctionName: 'notify', Payload: Buffer.from(payload) }),
    );
    expect(FunctionError).toBeUndefined();
  }
  expect(await published('python')).toMatchObject(ORDER);
});

it('wscat connects', async () => {
  const args = argumentsOf(block(WSCAT), 'npx wscat', {
    WS_URL: stack.wsUrl,
    TOKEN: stack.token('terminal'),
  });
  const program = createRequire(import.meta.url).resolve('wscat/bin/wscat');
  const wscat = started(node([program, '--no-color', ...args]));
  expect(await wscat.prints(/("event":"ready".*"deviceId":"terminal")/)).toHaveLength(1);
});

describe('npm start', () => {
  it('keeps its data in the folder it is given, and shows the console', async () => {
    // The stack of these tests was started so, on a free port.
    expect(parseStart(argumentsOf(block(START), 'npm start --'))).toMatchObject({
      port: 8787,
      dataDir: '.herald',
    });
    const page = await fetch(`${stack.httpUrl}/`);
    expect([page.status, page.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('text/html'),
    ]);
  });

  it('opens topics to every user', () => {
    expect(parseStart(argumentsOf(block(START_OPEN), 'npm start --'))).toMatchObject({
      overrides: { openTopics: ['news'] },
    });
  });

  it('runs the bundles', () => {
    // It takes minutes to bundle and is done in test/local/emulator/bundles/bundles.test.ts.
    expect(parseStart(argumentsOf(block(BUNDLES), 'npm start --'))).toMatchObject({ bundles: {} });
    expect(read('test/local/emulator/bundles/bundles.test.ts')).toContain('--bundles');
  });
});

it.each([
  ['the construct', '../../package.json', [PACK, INSTALL], []],
  [
    'the client',
    '../../client/package.json',
    [PACK_CLIENT, INSTALL_CLIENT],
    ['--workspace', 'herald-client'],
  ],
] as const)('npm packs %s, and installs what that makes', (_what, manifest, [pack, install], options) => {
  const { name, version, scripts } = createRequire(import.meta.url)(manifest);
  expect(commandsOf(block(pack))).toEqual([['npm', 'pack', ...options]]);
  expect(commandsOf(block(install))).toEqual([['npm', 'install', `../herald/${name}-${version}.tgz`]]);
  expect(scripts).toHaveProperty('prepack');
});

it.each([
  ['the bill', COST],
  ['what others cost', COMPARISON],
])('npm run cost prints what its page shows: %s', async (_, claim) => {
  const [command = '', ...lines] = block(claim).split('\n');
  const { code, stdout } = await node(['tools/cost/main.ts', ...argumentsOf(command, '$ npm run cost --')])
    .ended;
  expect([code, stdout.trim()]).toEqual([0, lines.join('\n').trim()]);
});

it('npm run simulate runs seeds, and one', async () => {
  const commands = commandsOf(block(SIMULATE)).map((words) => words.slice(4));
  // Fewer seeds than it says; the mutants of `--zoo` are run in test/simulation/zoo.test.ts.
  const quick = commands.filter(([option]) => option !== '--zoo');
  expect(quick).toHaveLength(3);
  const runs = quick.map(
    ([option = '', ...others]) =>
      node(['test/simulation/main.ts', option, ...(option === '--seeds' ? ['3'] : others)]).ended,
  );
  for (const { code, stdout, stderr } of await Promise.all(runs))
    expect(code, stdout.slice(-2000) + stderr).toBe(0);
});

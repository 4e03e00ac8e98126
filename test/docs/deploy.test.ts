/**
 * What the documentation says of deploying. This machine has no AWS account: instead of deployed, the app is synthesized with the
 * settings of each command, and the CDK's own help has to know each option.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { describe, expect, it } from 'vitest';
import { TABLES } from '../../lambdas/adapters/dynamodb/tables.ts';
import { type ReadContext, readSettings, STACK_NAME, stackName } from '../../lib/context.ts';
import { DEFAULTS } from '../../lib/settings.ts';
import { parseOptions } from '../../tools/verify/options.ts';
import { synthStack } from '../lib/synth.ts';
import { block, CLAIMS, PAGES, ROOT, read } from './blocks.ts';
import { argumentsOf, commandsOf, node } from './commands.ts';

const CDK = join(ROOT, 'node_modules/aws-cdk/bin/cdk');

/** Also those within sentences; not those that leave something out. */
const deployments = PAGES.flatMap((file) =>
  [...read(file).matchAll(/npx cdk deploy([^`\n#]*)/g)].map(([, options = '']) => options.trim()),
).filter((options) => options !== '' && !/[…;]|name=value/.test(options));

/** As the CDK reads `-c name=value`. */
function contextOf(words: string[]): ReadContext {
  const pairs = words.flatMap((word, at) => (words[at - 1] === '-c' ? [word] : []));
  const context = new Map(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
  return (name) => context.get(name);
}

it('the commands are there', () => {
  expect(deployments.length).toBeGreaterThan(4);
  expect(CLAIMS.deploy.flatMap((claim) => commandsOf(block(claim)).map(([program]) => program))).toEqual([
    ...['npx', 'npm', 'npx', 'npx', 'npx', 'npm'],
  ]);
});

it.each([...new Set(deployments)])('npx cdk deploy %s makes a stack', (options) => {
  const [words = []] = commandsOf(options);
  synthStack(readSettings(contextOf(words))).resourceCountIs(
    'AWS::DynamoDB::GlobalTable',
    Object.keys(TABLES).length,
  );
});

it('the CDK has the commands and options', async () => {
  const help = async (...command: string[]) => (await node([CDK, ...command, '--help']).ended).stdout;
  const deploy = await help('deploy');
  for (const option of deployments.flatMap((words) => words.match(/(?<=^|\s)--?[a-z-]+/g) ?? []))
    expect(deploy).toMatch(new RegExp(`\\s${option}[,\\s]`));
  const commands = await help();
  for (const command of ['bootstrap', 'import']) expect(commands).toContain(`cdk ${command} `);
});

/** The rows of the table that begins so: names and the cells after them. */
const rowsOf = (file: string, head: string) =>
  (read(file).split(head)[1]?.split('\n\n')[0] ?? '')
    .split('\n')
    .slice(2)
    .map((row) => row.split('|').map((cell) => cell.trim()))
    .map(([, names = '', value = '']) => ({
      names: [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
      value: value.replaceAll('`', ''),
    }));

describe.each([
  ['docs/guide.md', '| setting | default | |'],
  ['docs/operations.md', '| context | default |'],
])('the settings in %s', (file, head) => {
  const rows = rowsOf(file, head);

  it('are all there are', () => {
    const names = new Set<string>();
    const record: ReadContext = (name) => void names.add(name);
    stackName(record);
    readSettings(record);
    expect(rows.flatMap((row) => row.names).sort()).toEqual([...names].sort());
  });

  it('have the defaults of the code', () => {
    const defaults: Record<string, unknown> = {
      [STACK_NAME]: stackName(() => undefined),
      defaultRetentionSeconds: DEFAULTS.defaultRetention.toSeconds(),
      maxConnectionsPerUser: DEFAULTS.maxConnectionsPerUser,
      closedTypes: DEFAULTS.closedTypes,
      stageName: DEFAULTS.stageName,
      throttleRate: `${DEFAULTS.throttle.rateLimit}, ${DEFAULTS.throttle.burstLimit}`,
      logRetentionDays: RetentionDays.ONE_MONTH,
      accountLogRole: DEFAULTS.accountLogRole,
      removalPolicy: 'retain',
    };
    for (const [name, value] of Object.entries(defaults))
      expect(rows.find((row) => row.names[0] === name)?.value, name).toBe(String(value));
  });
});

const certificate = (id: string) => `arn:aws:acm:eu-west-1:123456789012:certificate/${id}`;

describe('the outputs', () => {
  const named = rowsOf('docs/guide.md', '| output | |').flatMap(({ names }) => names);

  it('are all there are', () => {
    const all = synthStack({
      webSocketDomain: { domainName: 'ws.example.com', certificateArn: certificate('a') },
      httpDomain: { domainName: 'api.example.com', certificateArn: certificate('b') },
    });
    expect(named.sort()).toEqual(Object.keys(all.findOutputs('*')).sort());
    const inOperations = [...read('docs/operations.md').matchAll(/<([A-Z]\w+)>/g)].map(([, name]) => name);
    expect(named).toEqual(expect.arrayContaining(inOperations));
  });

  it('are all that npm run e2e -- --outputs needs', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'herald-outputs-'));
    try {
      const values = Object.keys(synthStack().findOutputs('*')).map((name) => [
        name,
        name === 'WebSocketUrl' ? 'wss://a.example/prod' : 'https://a.example',
      ]);
      await writeFile(join(folder, 'out.json'), JSON.stringify({ Herald: Object.fromEntries(values) }));
      const args = argumentsOf(block('docs/guide.md: npx cdk deploy --outputs-file'), 'npm run e2e --');
      expect(args).toEqual(['--outputs', 'out.json']);
      expect(parseOptions(['--outputs', join(folder, 'out.json')])).toMatchObject({ kind: 'deployed' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

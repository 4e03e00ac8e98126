/** `npm run e2e`: the end-to-end suite against a local stack or any deployed one, guarantee by guarantee. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { startVitest } from 'vitest/node';
import { spawnStack } from '../../local/cli/spawn.ts';
import { findTables, readSecret } from './aws.ts';
import { type Command, type Deployed, HELP, parseOptions } from './options.ts';
import { preflight } from './preflight.ts';
import { Report } from './report.ts';
import { BACKLOG, EVENTS_ON, localSettings, type TargetSettings, toEnvironment } from './settings.ts';

const ROOT = join(import.meta.dirname, '../..');

/** A stack that has scaled to zero is slower than one on this machine. */
const TEST_TIMEOUT_MS = 60_000;
/** Deleting, row by row, what the tests of a file wrote. */
const CLEAN_UP_TIMEOUT_MS = 180_000;

async function main(args: string[]): Promise<void> {
  const command = parseOptions(args);
  switch (command.kind) {
    case 'help':
      return void process.stdout.write(HELP);
    case 'local':
      return await verifyLocal(command);
    case 'deployed':
      return await verifyDeployed(command.target);
    default:
      return command satisfies never;
  }
}

type Local = Extract<Command, { kind: 'local' }>;

async function verifyLocal({ stackArgs, stomp }: Local): Promise<void> {
  const jwtSecret = randomBytes(32).toString('hex');
  const stack = await spawnStack([...stackArgs, ...EVENTS_ON, '--quiet'], {
    HERALD_JWT_SECRET: jwtSecret,
  });
  try {
    await verify({ ...(await localSettings(stack, jwtSecret)), stomp: stomp || undefined });
  } finally {
    await stack.stop();
  }
}

async function verifyDeployed(target: Deployed): Promise<void> {
  const settings = await settingsOf(target);
  await verify(settings);
  process.stdout.write(
    settings.tables
      ? 'What the tests wrote is deleted.\n'
      : 'Left to lapse: messages (an hour; by an event or an Invoke a week), devices (90 days), channel heads, all of users e2e-….\n',
  );
}

async function settingsOf({ secret, ...target }: Deployed): Promise<TargetSettings> {
  const jwtSecret = 'text' in secret ? secret.text : await readSecret(secret.arn, target.endpointUrl);
  const settings = { ...target, jwtSecret, backlog: BACKLOG };
  return { ...settings, tables: await findTables(settings) };
}

async function verify(settings: TargetSettings): Promise<void> {
  await preflight(settings);
  process.stdout.write(`Herald at ${settings.wsUrl} and ${settings.httpUrl}\n\n`);
  const report = new Report(process.stdout);
  const vitest = await startVitest('test', [], {
    root: ROOT,
    watch: false,
    // The repository's own configuration divides all the tests into projects.
    config: false,
    pool: 'forks',
    // One after the other: what is measured must not wait for another test.
    fileParallelism: false,
    include: ['test/e2e/*.test.ts'],
    reporters: [report],
    env: toEnvironment(settings),
    testTimeout: TEST_TIMEOUT_MS,
    hookTimeout: CLEAN_UP_TIMEOUT_MS,
  });
  await vitest.close();
  process.exitCode = report.holds ? 0 : 1;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  const isUnknown = code?.startsWith('ERR_PARSE_ARGS');
  const line = isUnknown
    ? `${message.split(/\.\s/)[0]}. See npm run e2e -- --help`
    : message.trim().replaceAll(/\s*\n\s*/g, ' ');
  process.stderr.write(`${line}\n`);
  process.exitCode = 1;
}

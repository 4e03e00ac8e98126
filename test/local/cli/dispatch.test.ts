/** What the command line says of itself, and of what it cannot do. The commands at work are in test/e2e/local. */
import { expect, it, vi } from 'vitest';
import type { Command } from '../../../local/cli/command.ts';
import { COMMANDS } from '../../../local/cli/commands.ts';
import { runCommand } from '../../../local/cli/dispatch.ts';
import { helpOf } from '../../../local/cli/help.ts';

it.each(Object.entries(COMMANDS))('of %s tells every option and does nothing', (name, command: Command) => {
  const help = helpOf(name, command);
  for (const option of [...Object.keys(command.options), 'help']) expect(help).toContain(`--${option}`);
  expect(help.split('\n').filter((line) => line.length > 120)).toEqual([]);
});

it.each([
  ['an unknown command', ['dance', 'alice'], 'unknown command "dance", expected start, demo, token'],
  ['a command of every object', ['constructor'], 'unknown command "constructor"'],
  ['no user', ['token'], 'user is missing'],
  ['a wrong user', ['token', 'a\nb'], 'expected 1 to 256 bytes of text without control characters'],
  ['a wrong device', ['listen', 'alice', '--device', 'a b'], '--device is "a b", expected 1 to 128'],
  ['a wrong ack mode', ['listen', 'alice', '--ack', 'no'], '--ack is "no", expected auto or client'],
  ['one token for two', ['listen', 'a', 'b', '--token', 't'], '--token is for one user'],
  ['no type', ['send', 'alice'], '--type is missing'],
  ['a bad type', ['send', 'alice', '--type', 'not a type'], '--type is "not a type"'],
  [
    'a wrong retention',
    ['send', 'alice', '--type', 't', '--retention', '1h'],
    '--retention is "1h", expected',
  ],
  [
    'too long a wait for an answer',
    ['send', 'alice', '--type', 't', '--escalate', '43201'],
    '--escalate is "43201", expected an integer from 60 to 43200',
  ],
  [
    'a wrong answer',
    ['send', 'alice', '--type', 't', '--escalate', '60', '--unless', 'seen'],
    '--unless is "seen", expected "acked" or "read"',
  ],
  [
    'an answer to nothing',
    ['send', 'alice', '--type', 't', '--unless', 'read'],
    '--unless is for --escalate',
  ],
  ['data that is not JSON', ['send', 'alice', '--type', 't', '--data', '{'], '--data is {'],
  ['an empty token', ['listen', 'alice', '--token', ''], '--token is no JWT'],
  ['a token of two lines', ['listen', 'alice', '--token', 'a\nb'], '--token is no JWT'],
  [
    'a password',
    ['topics', 'alice', '--url', 'http://me:secret@127.0.0.1:1'],
    '--url has a user or a password',
  ],
  ['a part of a page', ['listen', 'alice', '--url', 'ws://127.0.0.1:1/local#x'], '--url has a fragment'],
  ['no such file', ['send', 'alice', '--type', 't', '--data', '@/nope'], '--data is @/nope, which cannot be'],
  ['users and a topic', ['send', 'alice', '--topic', 'news', '--type', 't'], 'users, --topic or --everyone'],
  ['a topic and everyone', ['history', '--topic', 'news', '--everyone'], '--topic or --everyone, got both'],
  ['a bad topic', ['send', '--topic', 'two words', '--type', 't'], '--topic is "two words", expected 1 to'],
  ['a topic that is none', ['listen', 'alice', '--topic', ''], '--topic is "", expected 1 to 128'],
  ['no action', ['members'], 'action is missing, expected add, remove, list'],
  ['a wrong action', ['members', 'kick', 'news'], 'action is "kick", expected add, remove, list'],
  ['no topic', ['members', 'add'], 'topic is missing'],
  ['nobody to add', ['members', 'add', 'news'], 'user is missing'],
  ['whom to list', ['members', 'list', 'news', 'alice'], 'list takes no user, got alice'],
  ['a wrong pattern', ['token', 'alice', '--subscribe', 'a*b'], '--subscribe[0]: expected'],
  ['a bad option', ['send', 'alice', '--typ', 't'], "Unknown option '--typ'; see herald send --help"],
  ['a wrong limit', ['history', 'alice', '--limit', '0'], '--limit is "0", expected an integer from 1 to'],
  [
    'a wrong page',
    ['inbox', 'alice', '--limit', '101'],
    '--limit is "101", expected an integer from 1 to 100',
  ],
  ['a wrong end', ['inbox', 'alice', '--before', '-1'], '--before'],
  ['no inbox of nobody', ['inbox'], 'user is missing'],
  ['no mark', ['read', 'alice'], 'expected exactly one of --through, --seqs and --unread'],
  ['two marks', ['read', 'alice', '--through', '3', '--unread', '2'], 'expected exactly one of --through'],
  ['a mark of nobody', ['read', '--through', '3'], 'user is missing'],
  ['a wrong mark', ['read', 'alice', '--through', 'x'], '--through is "x", expected an integer from 0 to'],
  ['a seq that is none', ['read', 'alice', '--seqs', '3,'], '--seqs is "3,", expected 1 to 100 seqs, as in'],
  ['the seq 0', ['read', 'alice', '--unread', '0'], '--unread is "0", expected 1 to 100 seqs, as in 57,51'],
  ['too many seqs', ['read', 'alice', '--seqs', Array(101).fill(1).join()], 'expected 1 to 100 seqs'],
  ['no confirmation', ['erase', 'alice'], 'erasing alice cannot be undone: say --yes'],
  ['no outputs', ['presence', 'alice', '--outputs', '/nope'], '--outputs /nope cannot be read'],
  ['a stack of no outputs', ['presence', 'alice', '--stack', 'X'], '--stack is for --outputs'],
  ['a bad URL', ['send', 'alice', '--type', 't', '--url', 'nowhere'], '--url is "nowhere"'],
  ['nobody there', ['send', 'alice', '--type', 't', '--url', 'http://127.0.0.1:1'], 'cannot be reached'],
  ['a port that is none', ['start', '--port', 'x'], '--port is "x", expected an integer from 0 to 65535'],
  ['a port too large', ['start', '--port', '65536'], '--port is "65536"'],
  ['no time', ['start', '--idle-seconds', '0'], '--idle-seconds is "0"'],
  ['half a second', ['start', '--max-connection-seconds', '1.5'], '--max-connection-seconds is "1.5"'],
  ['no folder', ['start', '--data', ''], '--data is empty'],
  ['no issuer', ['start', '--issuer', ''], '--issuer is empty'],
  ['no audience', ['start', '--audience', ''], '--audience is empty'],
  ['no origin', ['start', '--allowed-origins', ''], '--allowed-origins is "", expected an origin such as'],
  [
    'a page',
    ['start', '--allowed-origins', 'https://a.example,https://b.example/c'],
    'is "https://b.example/c"',
  ],
  ['an operand too many', ['start', 'nonsense'], "Unexpected argument 'nonsense'"],
  ['an option without its value', ['start', '--port'], '--port'],
])('answers %s with one line', async (_name, args, line) => {
  const told = await runCommand(args).catch((error: Error) => error.message);
  expect(told).toContain(line);
  expect(told).not.toContain('\n');
});

it('answers a secret that is too short with one line, and does not try to connect with it', async () => {
  vi.stubEnv('HERALD_JWT_SECRET', 'short');
  const told = await runCommand(['listen', 'alice']).catch((error: Error) => error.message);
  vi.unstubAllEnvs();
  expect(told).toBe('HERALD_JWT_SECRET has 5 bytes, expected at least 32');
});

it('says which requests it has no credentials for', async () => {
  for (const variable of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(variable, '/nope');
  for (const variable of ['AWS_ACCESS_KEY_ID', 'AWS_PROFILE']) vi.stubEnv(variable, undefined);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  const told = await runCommand(['topics', 'alice', '--url', 'https://api.invalid']).catch(
    (error: Error) => error.message,
  );
  vi.unstubAllEnvs();
  expect(told).toMatch(/^a request to https:\/\/api\.invalid cannot be signed: .*credentials/);
});

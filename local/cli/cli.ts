/** `npm run herald -- token | listen | send`: Herald by hand, on the local stack or a deployed one. */
import { parseArgs, styleText } from 'node:util';
import { ACK_MODES, type ServerFrame } from '../../lambdas/protocol/frames.ts';
import { isToken, isUserId, TOKEN_RULE, USER_ID_RULE } from '../../lambdas/protocol/names.ts';
import { listen } from './listen.ts';
import { postJson } from './signed-request.ts';
import { issueToken, readJwtSecret } from './token.ts';

const USAGE = `Usage: npm run herald -- <command>

  token <user> [--seconds 86400]
      Prints a token, signed with HERALD_JWT_SECRET (default: the local stack's).
  listen <user> --device <id> [--ack client|auto] [--token <jwt>] [--url wss://…]
      Prints every frame, acknowledges, and connects again when the connection is lost.
  send <user> --type <type> [--data <json>] [--except <device>] [--id <key>] [--url https://…]
      Publishes a notification. A request to AWS is signed with the usual credentials.

  --url: default ws://127.0.0.1:8787/local to listen, http://127.0.0.1:8787 to send.`;

const text = { type: 'string' } as const;
const COMMANDS = {
  token: { run: token, options: { seconds: text } },
  listen: { run: listenAs, options: { url: text, device: text, token: text, ack: text } },
  send: { run: send, options: { url: text, type: text, data: text, except: text, id: text } },
};

type Values = Record<string, string | undefined>;

async function main([name, ...args]: string[]): Promise<void> {
  if (name === undefined || name === '--help' || name === '-h') return console.log(USAGE);
  if (!isCommand(name)) throw new Error(`unknown command "${name}", expected token, listen or send`);
  const { run, options } = COMMANDS[name];
  const { positionals, values } = parseArgs({ args, options, allowPositionals: true });
  if (positionals.length > 1) throw new Error(`expected one user, got ${positionals.join(' ')}`);
  await run(checked('user', positionals[0], isUserId, USER_ID_RULE), values as Values);
}

const isCommand = (name: string): name is keyof typeof COMMANDS => Object.hasOwn(COMMANDS, name);

async function token(userId: string, { seconds = '86400' }: Values): Promise<void> {
  const isSeconds = (value: unknown): value is string => /^[1-9]\d{0,8}$/.test(String(value));
  console.log(
    issueToken(
      userId,
      readJwtSecret(),
      Number(checked('--seconds', seconds, isSeconds, 'a positive integer')),
    ),
  );
}

async function listenAs(userId: string, { url, device, token: jwt, ack = 'client' }: Values): Promise<void> {
  const ackMode = ACK_MODES.find((mode) => mode === ack);
  if (!ackMode) throw new Error(`--ack: expected ${ACK_MODES.join(' or ')}`);
  const reason = await listen({
    url: parsedUrl(url ?? 'ws://127.0.0.1:8787/local', 'ws').href,
    deviceId: checked('--device', device, isToken, TOKEN_RULE),
    token: () => jwt ?? issueToken(userId, readJwtSecret()),
    ack: ackMode,
    print,
  });
  console.log(styleText('yellow', reason));
}

function print(what: string, frame?: ServerFrame): void {
  const time = new Date().toISOString().slice(11, 23);
  const { event = what, ...fields } = frame ?? {};
  console.log(
    `${time} ${styleText(frame ? 'cyan' : 'yellow', event.padEnd(7))}`,
    frame ? JSON.stringify(fields) : '',
  );
}

async function send(userId: string, { url, type, data = 'null', except, id }: Values): Promise<void> {
  const base = parsedUrl(url ?? 'http://127.0.0.1:8787', 'http');
  base.pathname = `${base.pathname.replace(/\/$/, '')}/notifications`;
  const { status, body } = await postJson(
    base,
    JSON.stringify({
      to: { user: userId },
      type: checked('--type', type, isToken, TOKEN_RULE),
      data: parsedJson(data),
      id,
      excludeDeviceId: except,
    }),
  );
  if (status !== 200) throw new Error(`not published (${status}): ${body}`);
  console.log(body);
}

function checked<T extends string>(
  name: string,
  value: string | undefined,
  holds: (value: unknown) => value is T,
  rule: string,
): T {
  if (holds(value)) return value;
  throw new Error(value === undefined ? `${name} is missing` : `${name} is "${value}", expected ${rule}`);
}

function parsedUrl(value: string, scheme: 'ws' | 'http'): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url && [`${scheme}:`, `${scheme}s:`].includes(url.protocol)) return url;
  throw new Error(`--url is "${value}", expected ${scheme}://… or ${scheme}s://…`);
}

function parsedJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    throw new Error(`--data is ${value}, expected JSON, such as '{"text":"hello"}' or '"hello"'`);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message.split('\n')[0] : error);
  process.exitCode = 1;
}

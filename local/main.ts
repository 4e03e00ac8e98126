/** `npm start`: runs the local stack until Ctrl-C and tells a newcomer what to type next. */

import { DEFAULT_JWT_SECRET, issueToken, readJwtSecret } from './cli/token.ts';
import { HELP, parseOptions } from './options.ts';
import { type Stack, type StackOptions, startStack } from './stack.ts';

try {
  const command = parseOptions(process.argv.slice(2));
  if (command.help) process.stdout.write(HELP);
  else await run(command);
} catch (error) {
  process.stderr.write(`${explained(error)}\n`);
  process.exitCode = 1;
}

async function run(options: StackOptions): Promise<void> {
  let stack: Stack | undefined;
  let stopping = false;
  const stop = async () => {
    if (stopping) process.exit(1);
    stopping = true;
    process.stderr.write('\nStopping …\n');
    await stack?.stop();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop());
  stack = await startStack(options);
  process.stdout.write(welcome(stack, options));
}

function welcome({ wsUrl, httpUrl }: Stack, { dataDir }: StackOptions): string {
  const secret = readJwtSecret();
  const [alice, bob] = ['alice', 'bob'].map((user) => issueToken(user, secret));
  const kept = dataDir ? `kept in ${dataDir}` : 'in memory, gone when this ends (--data DIR keeps it)';
  const secretNote = secret === DEFAULT_JWT_SECRET ? secret : 'from HERALD_JWT_SECRET';
  return `
Herald is running; Ctrl-C stops it.

  Console     ${httpUrl}/
  WebSockets  ${wsUrl}
  Requests    ${httpUrl}
  Data        ${kept}
  JWT secret  ${secretNote}

Tokens, valid for a day:
  alice  ${alice}
  bob    ${bob}

Listen as alice, on her phone:
  npx wscat -c '${wsUrl}?deviceId=phone' -H 'Authorization: Bearer ${alice}'

Notify alice:
  curl -X POST ${httpUrl}/notifications -H 'Content-Type: application/json' \\
    -d '{"to":{"user":"alice"},"type":"greeting","data":{"text":"hello"}}'

`;
}

/** One line, whatever went wrong. */
function explained(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, port } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE')
    return `Port ${port} is in use: choose another with --port, or --port 0 for any free one`;
  if (code === 'EACCES' && port !== undefined)
    return `Port ${port} may not be used: choose another with --port`;
  if (code?.startsWith('ERR_PARSE_ARGS')) return `${error.message.split(/\.\s/)[0]}. See npm start -- --help`;
  return error.message.replaceAll('\n', ' ');
}

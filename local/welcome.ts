/** What `npm start` prints: where everything is, and what to type next. */
import { DEFAULT_JWT_SECRET, issueToken, readJwtSecret } from './cli/token.ts';
import type { Stack, StackOptions } from './stack.ts';

export function welcome({ wsUrl, httpUrl }: Stack, { dataDir }: StackOptions): string {
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

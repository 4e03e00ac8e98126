/** What `npm start` prints: where everything is, and what to type next. */
import { DEFAULT_JWT_SECRET, issueToken, readJwtSecret } from './cli/token.ts';
import type { Stack, StackOptions } from './stack.ts';

export function welcome(stack: Stack, { dataDir }: Pick<StackOptions, 'dataDir'>): string {
  const { wsUrl, httpUrl } = stack;
  const kept = dataDir ? `kept in ${dataDir}` : 'in memory, gone when this ends (--data DIR keeps it)';
  const { facts, tokens, aliceToken } = tokenPart(stack);
  return `
Herald is running; Ctrl-C stops it, Enter prints this again.

  Console     ${httpUrl}/
  WebSockets  ${wsUrl}
  Requests    ${httpUrl}
  Data        ${kept}
  ${facts}

${tokens}

Listen as alice, on her phone:
  npx wscat -c '${wsUrl}?deviceId=phone' -H 'Authorization: Bearer ${aliceToken}'

Notify alice:
  curl -X POST ${httpUrl}/notifications -H 'Content-Type: application/json' \\
    -d '{"to":{"user":"alice"},"type":"greeting","data":{"text":"hello"}}'

`;
}

/** A token that the stack would refuse is not printed. */
function tokenPart({ settings: { jwksUrl, issuer, audience } }: Stack) {
  if (jwksUrl !== undefined) {
    return {
      facts: `JWT keys    ${jwksUrl}`,
      tokens: `No token can be made here: take one that ${issuer} has issued.`,
      aliceToken: '<her token>',
    };
  }
  const secret = readJwtSecret();
  const [alice = '', bob] = ['alice', 'bob'].map((user) => issueToken(user, secret, { issuer, audience }));
  return {
    facts: `JWT secret  ${secret === DEFAULT_JWT_SECRET ? secret : 'from HERALD_JWT_SECRET'}`,
    tokens: `Tokens, valid for a day:\n  alice  ${alice}\n  bob    ${bob}`,
    aliceToken: alice,
  };
}

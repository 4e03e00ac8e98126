/** `herald token`: tokens of users, as an identity provider would issue them. */
import { parsePermissions } from '../../../lambdas/protocol/permissions.ts';
import { defineCommand } from '../command.ts';
import { issueToken, ONE_DAY_SECONDS, readJwtSecret } from '../token.ts';
import { integer, usersOf } from '../values.ts';

const MAX_SECONDS = 999_999_999;

export const token = defineCommand({
  summary: 'Prints a token for each user, signed with HERALD_JWT_SECRET.',
  operands: '<user>…',
  options: {
    seconds: { value: 'N', help: `how long it is valid (default ${ONE_DAY_SECONDS}, a day)` },
    issuer: { value: 'TEXT', help: '`iss` of the token, when the stack asks for one' },
    audience: { value: 'TEXT', help: '`aud` of the token, when the stack asks for one' },
    subscribe: { value: 'PATTERN', isList: true, help: 'of topics it may hear, as in topic:orders.*' },
    publish: { value: 'PATTERN', isList: true, help: 'of channels it may publish to' },
    json: { help: 'print {"userId":…,"token":…}, a line for each user' },
  },
  notes: 'HERALD_JWT_SECRET is that of the local stack unless it is set.',
  async run(operands, { seconds, issuer, audience, subscribe, publish, json }) {
    const permissions = permissionsOf({ subscribe, publish });
    const lifetimeSeconds = integer('--seconds', seconds, { min: 1, max: MAX_SECONDS });
    for (const userId of usersOf(operands)) {
      const issued = issueToken(userId, readJwtSecret(), { lifetimeSeconds, issuer, audience, permissions });
      console.log(json ? JSON.stringify({ userId, token: issued }) : issued);
    }
  },
});

/** Undefined: the token has none. */
function permissionsOf({
  subscribe,
  publish,
}: {
  subscribe: string[] | undefined;
  publish: string[] | undefined;
}) {
  if (subscribe === undefined && publish === undefined) return undefined;
  const claim = { ...(subscribe && { subscribe }), ...(publish && { publish }) };
  try {
    parsePermissions(claim);
  } catch (cause) {
    throw new Error(`--${(cause as Error).message}`, { cause });
  }
  return claim;
}

/** Finds out before the first test whether the target can be tested at all, and says what is wrong in one line. */
import { randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { userPath } from '../../lambdas/protocol/user-path.ts';
import { Client, Refused } from '../../local/cli/client.ts';
import { send } from '../../local/cli/signed-request.ts';
import { within } from '../../local/emulator/lambdas.ts';
import type { TargetSettings } from './settings.ts';

const TOKEN_SECONDS = 60;
const DEADLINE_MS = 30_000;

const silent = () => new Error(`no answer in ${DEADLINE_MS / 1000} s`);

/** Rejects with an error of one line. */
export async function preflight(settings: TargetSettings): Promise<void> {
  const user = `e2e-preflight-${randomUUID()}`;
  await checkRequests(settings, user);
  await checkConnection(settings, user);
}

async function checkRequests({ httpUrl }: TargetSettings, user: string): Promise<void> {
  const url = new URL(`${httpUrl}/users/${userPath(user)}/connections`);
  const { status, body } = await within(DEADLINE_MS, send({ method: 'GET', url }), silent);
  if (status === 200) return;
  const hint =
    status === 403
      ? ': are the AWS credentials of an account that may invoke this API?'
      : `: ${oneLine(body)}`;
  throw new Error(`--http ${httpUrl} answers ${status}${hint}`);
}

async function checkConnection(settings: TargetSettings, user: string): Promise<void> {
  const { wsUrl, jwtSecret, issuer: iss, audience: aud } = settings;
  const claims = Object.entries({ sub: user, iss, aud }).filter(([, value]) => value !== undefined);
  const token = jwt.sign(Object.fromEntries(claims), jwtSecret, { expiresIn: TOKEN_SECONDS });
  try {
    // Anonymous: it leaves nothing behind but its channel.
    const client = await within(DEADLINE_MS, Client.open(wsUrl, { token }), silent);
    await client.close();
  } catch (error) {
    if (!(error instanceof Refused)) {
      throw new Error(`--ws ${wsUrl} cannot be reached: ${oneLine((error as Error).message)}`);
    }
    const hint = error.status === 401 ? ': is the secret, the issuer or the audience another?' : '';
    throw new Error(`--ws ${wsUrl} refuses a connection with ${error.status}${hint}`);
  }
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').slice(0, 200);

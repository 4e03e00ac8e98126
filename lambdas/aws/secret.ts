/**
 * Reads a secret of Secrets Manager without the SDK, which for this single call would make up most
 * of the authorizer's cold start.
 */
import type { HttpAnswer } from './http.ts';
import { createJsonService, faultOf } from './json-service.ts';
import { type Clock, Refused, retried, SYSTEM_CLOCK } from './retry.ts';
import type { Access } from './signature.ts';

export interface SecretSource {
  secretId: string;
  /** Undefined: the regional endpoint of the service. */
  endpoint: string | undefined;
  readAccess: () => Access;
  clock?: Clock;
}

/** Their sum is shorter than the authorizer's time limit. */
const TIMEOUTS = { connectMs: 1000, requestMs: 2500 };
/** The stage of the version before the last rotation. A secret that was never rotated has none. */
const PREVIOUS = 'AWSPREVIOUS';

const TRIES = 3;
const RETRY_DELAY_MS = 100;

/**
 * Reads the version of the secret that has a stage; undefined: the current version. The result is
 * undefined if no version has the stage `AWSPREVIOUS`. Rejects when the secret cannot be read,
 * after some tries where the fault may pass.
 */
export function createSecretReader({
  secretId,
  endpoint,
  readAccess,
  clock = SYSTEM_CLOCK,
}: SecretSource): (versionStage?: string) => Promise<string | undefined> {
  const call = createJsonService({
    service: 'secretsmanager',
    api: 'secretsmanager',
    contentType: 'application/x-amz-json-1.1',
    endpoint,
    readAccess,
    timeouts: TIMEOUTS,
  });
  const ask = (VersionStage: string | undefined): Promise<HttpAnswer> =>
    call('GetSecretValue', JSON.stringify({ SecretId: secretId, VersionStage }));

  return async (versionStage) => {
    const read = async () => {
      const answer = await ask(versionStage);
      if (versionStage === PREVIOUS && saysNotFound(answer)) return undefined;
      return secretOf(answer, secretId);
    };
    return await retried(read, { tries: TRIES, delayMs: (attempt) => attempt * RETRY_DELAY_MS, clock });
  };
}

/** Secrets Manager names a fault in a header or in the body. */
const saysNotFound = ({ status, errorType, body }: HttpAnswer): boolean =>
  status !== 200 && /ResourceNotFoundException/.test(`${errorType} ${body}`);

function secretOf(answer: HttpAnswer, secretId: string): string {
  if (answer.status !== 200) throw faultOf(`${secretId} cannot be read: Secrets Manager`, answer);
  const SecretString = secretStringIn(answer.body);
  if (typeof SecretString !== 'string' || SecretString === '') throw new Refused(`${secretId} holds no text`);
  return SecretString;
}

/** Hides the error of `JSON.parse`: it quotes its input, which may be the secret. */
function secretStringIn(body: string): unknown {
  try {
    return JSON.parse(body).SecretString;
  } catch {
    return undefined;
  }
}

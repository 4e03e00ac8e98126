/**
 * What both clients of the SDK are given, so that they look nothing up: neither credentials nor
 * settings, in files or elsewhere.
 */
import type { Timeouts } from '../http.ts';
import type { Access } from '../signature.ts';

const MAX_CONNECTIONS = 64;

export interface ConfigOptions {
  readAccess: () => Access;
  timeouts: Timeouts;
  /** Whether a connection is used again. */
  keepAlive?: boolean;
}

export function configOf({ readAccess, timeouts, keepAlive = true }: ConfigOptions) {
  const agent = { keepAlive, maxSockets: MAX_CONNECTIONS };
  return {
    region: async () => readAccess().region,
    credentials: async () => {
      const { accessKeyId, secretAccessKey, sessionToken } = readAccess();
      return {
        accessKeyId,
        secretAccessKey,
        ...(sessionToken !== undefined && { sessionToken }),
        expiration: LONG_AGO,
      };
    },
    requestHandler: {
      connectionTimeout: timeouts.connectMs,
      requestTimeout: timeouts.requestMs,
      socketTimeout: timeouts.requestMs,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
    retryMode: 'standard',
    defaultsMode: 'standard' as const,
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    authSchemePreference: [] as string[],
    userAgentAppId: async () => undefined,
  };
}

/**
 * What is expired the SDK asks for again each time: Lambda may change the credentials between two
 * invocations.
 */
const LONG_AGO = new Date(0);

/**
 * The configuration of both SDK clients. It names everything that they would otherwise look up in
 * files or over the network: credentials, region, settings.
 */
import type { Timeouts } from '../http.ts';
import type { Access } from '../signature.ts';

const MAX_CONNECTIONS = 64;

export interface ConfigOptions {
  readAccess: () => Access;
  timeouts: Timeouts;
  /** Whether a connection stays open for the next request. */
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
 * Credentials that are expired already, so that the SDK reads them anew for each request: Lambda
 * may change them between two invocations.
 */
const LONG_AGO = new Date(0);

/** Which stack the end-to-end suite runs against: what the command line says, handed to the tests through the environment. */

export interface TargetSettings {
  wsUrl: string;
  httpUrl: string;
  /** Undefined: what needs it is not tested. */
  bus?: string | undefined;
  /** Name or ARN of the notify Lambda. Undefined: what needs it is not tested. */
  functionName?: string | undefined;
  /** Of the AWS services. @default AWS */
  endpointUrl?: string | undefined;
  jwtSecret: string;
  /** What the stack expects in a token besides. */
  issuer?: string | undefined;
  audience?: string | undefined;
  maxConnectionsPerUser: number;
  /** Tables of the stack, by name: what the tests wrote is deleted from them. Undefined: it is left to lapse. */
  tables?: Record<string, string> | undefined;
  /** Messages in the largest backlog. */
  backlog: number;
}

const VARIABLE = 'HERALD_E2E_TARGET';

export const toEnvironment = (settings: TargetSettings): Record<string, string> => ({
  [VARIABLE]: JSON.stringify(settings),
});

/** Undefined: each file of tests starts a local stack of its own. */
export function fromEnvironment(): TargetSettings | undefined {
  const text = process.env[VARIABLE];
  return text ? (JSON.parse(text) as TargetSettings) : undefined;
}

/** Which stack the end-to-end suite runs against: what the command line says, handed to the tests through the environment. */

export interface TargetSettings {
  wsUrl: string;
  httpUrl: string;
  /** Undefined: what needs it is not tested. */
  bus?: string | undefined;
  /** Name or ARN of the notify Lambda. Undefined: what needs it is not tested. */
  functionName?: string | undefined;
  /** Name of the outbox table. Undefined: what needs it is not tested. */
  outbox?: string | undefined;
  /** The setting `events` is on, and the bus is a local stack's, so that it can be watched. */
  events?: boolean | undefined;
  /** The setting `stomp` is on. */
  stomp?: boolean | undefined;
  /** Of DynamoDB. @default with the other services */
  dynamodbUrl?: string | undefined;
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

/** Fewer messages than on a stack of our own, where they cost nothing. */
export const BACKLOG = 1000;

/** Of a local stack: it tells who comes and goes, and what takes a minute elsewhere takes three seconds. */
export const EVENTS_ON = ['--events', '--offline-after-seconds', '60', '--queue-speed', '20'];

/** Of a local stack: it serves clients of STOMP, too. */
export const STOMP_ON = ['--stomp'];

/** A stack on this machine that is ours alone. */
export async function localSettings(
  { wsUrl, httpUrl }: { wsUrl: string; httpUrl: string },
  jwtSecret: string,
): Promise<TargetSettings> {
  const resources = await fetch(`${httpUrl}/local/resources`);
  const { dynamodb, outboxTable } = (await resources.json()) as { dynamodb: string; outboxTable: string };
  return {
    ...{ wsUrl, httpUrl, jwtSecret, endpointUrl: httpUrl, dynamodbUrl: dynamodb },
    ...{ bus: 'herald', functionName: 'notify', outbox: outboxTable, events: true, stomp: true },
    ...{ maxConnectionsPerUser: 10, backlog: BACKLOG },
  };
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

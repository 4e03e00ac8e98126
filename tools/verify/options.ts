/** Reads the command line of `npm run e2e`. */
import { parseArgs } from 'node:util';
import { type Outputs, readOutputs } from '../../local/cli/outputs.ts';
import { integer, url } from '../../local/cli/values.ts';
import { STOMP_ON } from './settings.ts';

export const HELP = `Checks what Herald guarantees on a running stack: npm run e2e -- [options]

Without a target it starts a local stack of its own.

  --outputs FILE         what cdk deploy --outputs-file wrote: names all of the next seven
  --ws URL               where clients connect: wss://…/prod
  --http URL             where services publish: https://…; requests to AWS are signed with the usual credentials
  --bus NAME             the event bus (default: publishing by an event is not tested)
  --function NAME        the notify Lambda (default: publishing by an Invoke is not tested)
  --outbox NAME          the outbox table (default: publishing by the outbox is not tested)
  --events               it is a local stack, started with --events (default: events on the bus are not tested)
  --stomp                the setting stomp is on, of a running stack or in the bundles (default: clients of STOMP are
                         not tested, but on the sources)
  --jwt-secret TEXT      signs the tokens of the test's users (HS256)
  --jwt-secret-arn ARN   the same, read from Secrets Manager
  --endpoint-url URL     of the AWS services (default: AWS)
  --stack NAME           with --outputs, when the file has several stacks
  --issuer TEXT          \`iss\` of the tokens, when the stack asks for one
  --audience TEXT        \`aud\` of the tokens, when the stack asks for one
  --max-connections N    of a user, when the stack was deployed with another number than 10
  --bundles              of the local stack: the bundles that CDK deploys instead of the sources
  --cdk-out DIR          with --bundles: take them from DIR, as cdk synth left it
  --help                 print this
`;

/** A stack that runs already. */
export interface Deployed {
  wsUrl: string;
  httpUrl: string;
  bus: string | undefined;
  functionName: string | undefined;
  outbox: string | undefined;
  events: boolean | undefined;
  stomp: boolean | undefined;
  endpointUrl: string | undefined;
  secret: { text: string } | { arn: string };
  issuer: string | undefined;
  audience: string | undefined;
  maxConnectionsPerUser: number;
}

export type Command =
  | { kind: 'help' }
  /** `stackArgs`: for the local stack. `stomp`: it serves clients of STOMP. */
  | { kind: 'local'; stackArgs: string[]; stomp: boolean }
  | { kind: 'deployed'; target: Deployed };

const text = { type: 'string' } as const;
const OPTIONS = {
  outputs: text,
  stack: text,
  ws: text,
  http: text,
  bus: text,
  function: text,
  outbox: text,
  events: { type: 'boolean' },
  stomp: { type: 'boolean' },
  'jwt-secret': text,
  'jwt-secret-arn': text,
  'endpoint-url': text,
  issuer: text,
  audience: text,
  'max-connections': text,
  'cdk-out': text,
  bundles: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

/** Throws an error of one line. */
export function parseOptions(args: string[]): Command {
  const { values } = parseArgs({ args, options: OPTIONS, strict: true, allowPositionals: false });
  if (values.help) return { kind: 'help' };
  for (const [name, value] of Object.entries(values)) {
    if (value === '') throw new Error(`--${name} is empty`);
  }
  const { bundles, 'cdk-out': cdkOut, ...target } = values;
  if (cdkOut !== undefined && !bundles) throw new Error('--cdk-out is for --bundles, which is not given');
  const [named] = Object.keys(target).filter((name) => !(bundles && name === 'stomp'));
  if (named === undefined) {
    if (!bundles) return { kind: 'local', stackArgs: STOMP_ON, stomp: true };
    const stackArgs = ['--bundles', ...(cdkOut === undefined ? [] : ['--cdk-out', cdkOut])];
    return { kind: 'local', stackArgs, stomp: values.stomp ?? false };
  }
  if (bundles) throw new Error(`--bundles is for the local stack, but --${named} names another`);
  return { kind: 'deployed', target: deployed(target) };
}

function deployed(values: Omit<Values, 'bundles' | 'cdk-out'>): Deployed {
  if (values.stack !== undefined && values.outputs === undefined)
    throw new Error('--stack is for --outputs, which is not given');
  const outputs = values.outputs === undefined ? {} : readOutputs(values.outputs, values.stack);
  return {
    wsUrl: urlText('--ws', values.ws ?? outputs.WebSocketUrl, 'ws').replace(/\/$/, ''),
    httpUrl: urlText('--http', values.http ?? outputs.HttpUrl, 'http').replace(/\/$/, ''),
    bus: values.bus ?? outputs.EventBusName,
    functionName: values.function ?? outputs.NotifyFunctionName,
    outbox: values.outbox ?? outputs.OutboxTableName,
    events: values.events,
    stomp: values.stomp,
    endpointUrl: values['endpoint-url'] && urlText('--endpoint-url', values['endpoint-url'], 'http'),
    secret: secret(values, outputs),
    issuer: values.issuer,
    audience: values.audience,
    maxConnectionsPerUser: integer('--max-connections', values['max-connections'], MAX_CONNECTIONS) ?? 10,
  };
}

const MAX_CONNECTIONS = { min: 1, max: 100 };

/** As it was written: nothing that a `URL` would add. */
function urlText(option: string, value: string | undefined, scheme: 'ws' | 'http'): string {
  url(option, value, scheme);
  return value ?? '';
}

function secret(values: Pick<Values, 'jwt-secret' | 'jwt-secret-arn'>, outputs: Outputs): Deployed['secret'] {
  const { 'jwt-secret': given, 'jwt-secret-arn': arn } = values;
  if (given !== undefined && arn !== undefined)
    throw new Error('both --jwt-secret and --jwt-secret-arn are given, expected one of them');
  if (given !== undefined) return { text: given };
  const from = arn ?? outputs.JwtSecretArn;
  if (from !== undefined) return { arn: from };
  throw new Error('--jwt-secret or --jwt-secret-arn is missing: the tests sign the tokens of their users');
}

/** Reads the command line of `npm run e2e`. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

export const HELP = `Checks what Herald guarantees on a running stack: npm run e2e -- [options]

Without a target it starts a local stack of its own.

  --outputs FILE         what cdk deploy --outputs-file wrote: names all of the next six
  --ws URL               where clients connect: wss://…/prod
  --http URL             where services publish: https://…; requests to AWS are signed with the usual credentials
  --bus NAME             the event bus (default: publishing by an event is not tested)
  --function NAME        the notify Lambda (default: publishing by an Invoke is not tested)
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
  endpointUrl: string | undefined;
  secret: { text: string } | { arn: string };
  issuer: string | undefined;
  audience: string | undefined;
  maxConnectionsPerUser: number;
}

export type Command =
  | { kind: 'help' }
  /** `stackArgs`: for the local stack. */
  | { kind: 'local'; stackArgs: string[] }
  | { kind: 'deployed'; target: Deployed };

const text = { type: 'string' } as const;
const OPTIONS = {
  outputs: text,
  stack: text,
  ws: text,
  http: text,
  bus: text,
  function: text,
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
  const [named] = Object.keys(target);
  if (named === undefined) {
    const stackArgs = bundles ? ['--bundles', ...(cdkOut === undefined ? [] : ['--cdk-out', cdkOut])] : [];
    return { kind: 'local', stackArgs };
  }
  if (bundles) throw new Error(`--bundles is for the local stack, but --${named} names another`);
  return { kind: 'deployed', target: deployed(target) };
}

function deployed(values: Omit<Values, 'bundles' | 'cdk-out'>): Deployed {
  if (values.stack !== undefined && values.outputs === undefined)
    throw new Error('--stack is for --outputs, which is not given');
  const outputs = values.outputs === undefined ? {} : readOutputs(values.outputs, values.stack);
  return {
    wsUrl: url('--ws', values.ws ?? outputs.WebSocketUrl, 'ws').replace(/\/$/, ''),
    httpUrl: url('--http', values.http ?? outputs.HttpUrl, 'http').replace(/\/$/, ''),
    bus: values.bus ?? outputs.EventBusName,
    functionName: values.function ?? outputs.NotifyFunctionName,
    endpointUrl: values['endpoint-url'] && url('--endpoint-url', values['endpoint-url'], 'http'),
    secret: secret(values, outputs),
    issuer: values.issuer,
    audience: values.audience,
    maxConnectionsPerUser: integer('--max-connections', values['max-connections'] ?? '10', 1, 100),
  };
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

const OUTPUT_NAMES = [
  'WebSocketUrl',
  'HttpUrl',
  'EventBusName',
  'NotifyFunctionName',
  'JwtSecretArn',
] as const;
type Outputs = Partial<Record<(typeof OUTPUT_NAMES)[number], string>>;

/** The outputs of one stack, from a file that holds those of each by name. */
function readOutputs(file: string, stack: string | undefined): Outputs {
  const stacks = Object.entries(readJson(file)).filter(
    (entry): entry is [string, Outputs] =>
      typeof entry[1] === 'object' && entry[1] !== null && 'WebSocketUrl' in entry[1],
  );
  const names = stacks.map(([name]) => name).join(', ');
  const found = stacks.filter(([name]) => stack === undefined || name === stack);
  const [first, another] = found;
  if (another) throw new Error(`--outputs ${file} has several stacks, choose one with --stack: ${names}`);
  if (first) return first[1];
  if (names !== '') throw new Error(`--stack is "${stack}", but ${file} has ${names}`);
  throw new Error(`--outputs ${file} has no stack of Herald: no output WebSocketUrl`);
}

function readJson(file: string): object {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof value === 'object' && value !== null) return value;
  } catch (cause) {
    throw new Error(`--outputs ${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
  throw new Error(`--outputs ${file} is not what cdk deploy --outputs-file writes`);
}

function url(option: string, value: string | undefined, scheme: 'ws' | 'http'): string {
  const expected = `${scheme}://… or ${scheme}s://…`;
  if (value === undefined) throw new Error(`${option} is missing, expected ${expected}`);
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  if (parsed && [`${scheme}:`, `${scheme}s:`].includes(parsed.protocol)) return value;
  throw new Error(`${option} is "${value}", expected ${expected}`);
}

function integer(option: string, value: string, min: number, max: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= min && number <= max) return number;
  throw new Error(`${option} is "${value}", expected an integer from ${min} to ${max}`);
}

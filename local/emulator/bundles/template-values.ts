/** What a deployment would fill into a template's values, here filled in with what stands on this machine. */
import type { TableNames } from '../../../lambdas/adapters/dynamodb/tables.ts';
import { QUEUE_NAMES, WRITTEN_DEAD_LETTERS } from '../../../lambdas/manifest.ts';
import { API_ID, STAGE } from '../gateway/settings.ts';
import { ACCOUNT, REGION } from '../lambdas.ts';
import { queueUrl } from '../queue/queues.ts';
import { BUS } from '../services/event-bus.ts';

export interface Resource {
  Type: string;
  Properties?: Record<string, unknown>;
  Metadata?: Record<string, unknown>;
}

export interface Template {
  Resources: Record<string, Resource>;
}

/** What the resources of a template are called on this machine. */
export interface LocalNames {
  tables: TableNames;
  secretArn: string;
  httpUrl: string;
}

const URL_SUFFIX = 'amazonaws.com';

const PSEUDO_PARAMETERS: Record<string, string> = {
  'AWS::AccountId': ACCOUNT,
  'AWS::Partition': 'aws',
  'AWS::Region': REGION,
  'AWS::URLSuffix': URL_SUFFIX,
};

/** Whatever an app has in their place: its own domain would lead to AWS, its own secret and its own bus are not here. */
const OF_THIS_MACHINE: Record<string, (names: LocalNames) => string> = {
  CALLBACK_URL: ({ httpUrl }) => `${httpUrl}/${STAGE}`,
  EVENT_BUS_NAME: () => BUS,
  JWT_SECRET_ARN: ({ secretArn }) => secretArn,
};

/** Throws an error of one line that names the variable when its value cannot be known here. */
export function resolveEnvironment(
  template: Template,
  environment: Record<string, unknown>,
  names: LocalNames,
): Record<string, string> {
  const resolved = Object.entries(environment).map(([name, value]) => {
    const own = OF_THIS_MACHINE[name];
    if (own && value !== '') return [name, own(names)];
    try {
      return [name, resolveValue(template, value, names)];
    } catch (cause) {
      throw new Error(`The template's ${name} has no value here: ${(cause as Error).message}`, { cause });
    }
  });
  return Object.fromEntries(resolved);
}

function resolveValue(template: Template, value: unknown, names: LocalNames): string {
  if (typeof value === 'string') return value;
  const { Ref, 'Fn::Join': join } = value as { Ref?: unknown; 'Fn::Join'?: unknown };
  if (Array.isArray(join)) {
    const [separator, parts] = join as [string, unknown[]];
    return parts.map((part) => resolveValue(template, part, names)).join(separator);
  }
  if (typeof Ref === 'string') return PSEUDO_PARAMETERS[Ref] ?? nameOf(template, Ref, names);
  throw new Error(`it is ${JSON.stringify(value)}`);
}

/** The id of a resource is the path of its construct, with letters and digits alone, and a hash. */
const resourceNamed = (name: string): RegExp => new RegExp(`${name.replaceAll(/\W/g, '')}[0-9a-f]*$`, 'i');

function nameOf({ Resources }: Template, id: string, { tables, secretArn, httpUrl }: LocalNames): string {
  switch (Resources[id]?.Type) {
    case 'AWS::SecretsManager::Secret':
      return secretArn;
    case 'AWS::ApiGatewayV2::Api':
      return API_ID;
    case 'AWS::SQS::Queue': {
      const queue = [...QUEUE_NAMES, ...WRITTEN_DEAD_LETTERS].find((name) => resourceNamed(name).test(id));
      if (queue) return queueUrl(httpUrl, queue);
      break;
    }
    case 'AWS::DynamoDB::GlobalTable':
    case 'AWS::DynamoDB::Table': {
      const table = Object.entries(tables).find(([name]) => resourceNamed(name).test(id));
      if (table) return table[1];
    }
  }
  throw new Error(`there is no ${Resources[id]?.Type ?? 'resource'} ${id}`);
}

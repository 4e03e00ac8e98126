/** Synthesizes for the tests, without bundling the Lambdas: what they contain, bundles.test.ts looks at. */
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { HeraldStack, type HeraldStackProps } from '../../lib/herald-stack.ts';
import { NotificationBackend } from '../../lib/notification-backend.ts';
import type { NotificationBackendProps } from '../../lib/props.ts';

/** With this feature flag what CloudFormation's rules find fails; without, the CDK takes half its time to print it. */
const FAILS_BY_RULES = '@aws-cdk/core:validateAgainstDefaultRules';

/** `outdir`: where the assembly is written. Undefined: a temporary folder. */
export const createApp = (context: Record<string, unknown> = {}, outdir?: string): App =>
  new App({
    ...(outdir !== undefined && { outdir }),
    context: { 'aws:cdk:bundling-stacks': [], ...context },
    builtinCloudFormationValidation: context[FAILS_BY_RULES] === true,
    treeMetadata: false,
  });

/** The stack without settings, which most tests look at: synthesized once, and nobody changes it. */
let bare: Template | undefined;

export function synthStack(props?: HeraldStackProps): Template {
  if (props !== undefined) return Template.fromStack(new HeraldStack(createApp(), 'Herald', props));
  bare ??= synthStack({});
  return bare;
}

/** The construct in a stack of somebody else. */
export function createBackend(props: NotificationBackendProps = {}): {
  stack: Stack;
  backend: NotificationBackend;
} {
  const stack = new Stack(createApp(), 'Theirs');
  return { stack, backend: new NotificationBackend(stack, 'Notifications', props) };
}

export interface Resource {
  id: string;
  Properties: Record<string, unknown>;
  DeletionPolicy?: string;
  DependsOn?: string[];
  Metadata?: Record<string, unknown>;
}

interface Statement {
  Action: string | string[];
  Resource: unknown;
}

/** The only resource of a type whose logical id begins so. */
export function find(template: Template, type: string, idBeginsWith: string): Resource {
  const found = findAll(template, type).filter(({ id }) => id.startsWith(idBeginsWith));
  const [first] = found;
  if (!first || found.length > 1) throw new Error(`${found.length} of ${type} begin with ${idBeginsWith}`);
  return first;
}

export const findAll = (template: Template, type: string): Resource[] =>
  Object.entries(template.findResources(type)).map(([id, { Properties = {}, ...rest }]) => ({
    id,
    Properties,
    ...rest,
  }));

/** Every action a role's policy allows, as `action on resource`, sorted; resources by their readable names. */
export function grants(template: Template, roleIdBeginsWith: string): string[] {
  const { Properties } = find(template, 'AWS::IAM::Policy', `${roleIdBeginsWith}DefaultPolicy`);
  const { Statement } = Properties.PolicyDocument as { Statement: Statement[] };
  return Statement.flatMap(({ Action, Resource }) =>
    [Resource]
      .flat()
      .flatMap((resource) => [Action].flat().map((action) => `${action} on ${nameOf(resource)}`)),
  ).sort();
}

/** `{"Fn::GetAtt":["BackendTablesconnectionsEA0861DE","StreamArn"]}` → `BackendTablesconnections.StreamArn` */
function nameOf(resource: unknown): string {
  if (typeof resource === 'string') return resource;
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = resource as Record<string, unknown>;
  if (typeof Ref === 'string') return Ref.startsWith('AWS::') ? `<${Ref}>` : plain(Ref);
  if (Array.isArray(attribute)) return `${plain(String(attribute[0]))}.${attribute[1]}`;
  if (Array.isArray(join)) return join[1].map(nameOf).join(join[0]);
  throw new Error(`Cannot name ${JSON.stringify(resource)}`);
}

const plain = (logicalId: string): string => logicalId.replace(/[0-9A-F]{8}$/, '');

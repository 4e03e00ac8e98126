/** How a finding of cdk-nag is answered: one rule, one resource, one reason, next to the construct it is about. */
import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

export const acknowledge = (construct: IConstruct, id: string, reason: string): void =>
  Validations.of(construct).acknowledge({ id, reason });

/** Accepts a `*` in this ARN, and in no other, of the policies under `construct`. */
export const acknowledgeWildcard = (construct: IConstruct, arn: string, reason: string): void =>
  acknowledge(
    construct,
    `AwsSolutions-IAM5[Resource::${flattened(Stack.of(construct).resolve(arn))}]`,
    reason,
  );

/** An ARN as cdk-nag spells it: `<LogicalId>` stands for a reference. */
function flattened(value: unknown): string {
  if (typeof value === 'string') return value;
  if (isObject(value) && typeof value.Ref === 'string') return `<${value.Ref}>`;
  if (isObject(value) && Array.isArray(value['Fn::Join'])) {
    const [delimiter, parts] = value['Fn::Join'];
    if (typeof delimiter === 'string' && Array.isArray(parts)) return parts.map(flattened).join(delimiter);
  }
  throw new Error(`Cannot name ${JSON.stringify(value)} in an acknowledgement`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

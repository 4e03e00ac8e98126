/**
 * Lets API Gateway write the access logs of WebSocket APIs. The role belongs to the account and Region, not to one API,
 * so it stays when the stack goes: others may lean on it.
 */
import { Annotations, RemovalPolicy } from 'aws-cdk-lib';
import { CfnAccount } from 'aws-cdk-lib/aws-apigateway';
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { acknowledge } from './nag.ts';

export class AccountLogRole extends Construct {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    const policy = 'service-role/AmazonAPIGatewayPushToCloudWatchLogs';
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('apigateway.amazonaws.com'),
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName(policy)],
    });
    acknowledge(
      role,
      `AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${policy}]`,
      'The policy AWS documents for this account setting: it serves every API of the account.',
    );
    const account = new CfnAccount(this, 'Account', { cloudWatchRoleArn: role.roleArn });
    role.applyRemovalPolicy(RemovalPolicy.RETAIN);
    account.applyRemovalPolicy(RemovalPolicy.RETAIN);
  }
}

/** At synth and deployment, where the account's role is left as it is: the error of API Gateway does not say what to do. */
export function tellWithoutRole(scope: Construct): void {
  Annotations.of(scope).addInfo(
    'API Gateway writes access logs with one role for the whole account and Region, which this stack leaves as it is. ' +
      'If the deployment fails with "CloudWatch Logs role ARN must be set in account settings", there is none yet: ' +
      'deploy again with -c accountLogRole=true (in an app of your own: accountLogRole: true).',
  );
}

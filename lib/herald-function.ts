/** One Lambda: how it is bundled, where it logs, and that it may do nothing but what it is told to. */
import { join } from 'node:path';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import { type BundlingOptions, NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

const ROOT = join(import.meta.dirname, '..');

/** The AWS SDK is bundled too: one version everywhere, tested here, and it starts faster than the runtime's. */
const BUNDLING: BundlingOptions = {
  format: OutputFormat.ESM,
  target: 'node24',
  mainFields: ['module', 'main'],
  minify: true,
  sourceMap: true,
  sourcesContent: false,
  bundleAwsSDK: true,
  // For dependencies that are CommonJS inside, such as jsonwebtoken: a module has no `require` of its own.
  banner: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
};

export type HandlerName = 'authorizer' | 'connect' | 'disconnect' | 'frame' | 'notify' | 'replay' | 'users';

export type TableAction = 'GetItem' | 'PutItem' | 'UpdateItem' | 'DeleteItem' | 'Query';

export interface HeraldFunctionProps {
  readonly description: string;
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
  readonly environment: Record<string, string>;
  readonly logRetention: RetentionDays;
}

export class HeraldFunction extends NodejsFunction {
  constructor(scope: Construct, handler: HandlerName, props: HeraldFunctionProps) {
    super(scope, handler, {
      description: `Herald: ${props.description}`,
      entry: join(ROOT, 'lambdas', 'handlers', `${handler}.ts`),
      projectRoot: ROOT,
      depsLockFilePath: join(ROOT, 'package-lock.json'),
      bundling: BUNDLING,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: Duration.seconds(props.timeoutSeconds),
      memorySize: props.memoryMegabytes,
      environment: { ...props.environment, NODE_OPTIONS: '--enable-source-maps' },
      awsSdkConnectionReuse: false,
      logGroup: new LogGroup(scope, `${handler}Log`, {
        retention: props.logRetention,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
      // A role of its own: the one CDK makes may write to every log group of the account.
      role: new Role(scope, `${handler}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }),
    });
    this.allow(['logs:CreateLogStream', 'logs:PutLogEvents'], this.logGroup.logGroupArn);
  }

  allow(actions: string[], ...resources: string[]) {
    this.addToRolePolicy(new PolicyStatement({ actions, resources }));
  }

  allowTable(table: TableV2, actions: readonly TableAction[]) {
    this.allow(
      actions.map((action) => `dynamodb:${action}`),
      table.tableArn,
    );
  }
}

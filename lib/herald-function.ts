/** One Lambda, as the manifest describes it: where it logs, and that it may do nothing but what it is told to. How it is bundled: `bundle.ts`. */
import { Duration } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  type IFunction,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
} from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { TableIndex } from '../lambdas/adapters/dynamodb/tables.ts';
import type { TableAction } from '../lambdas/lambda-spec.ts';
import { LAMBDAS, type LambdaName } from '../lambdas/manifest.ts';
import { lambdaCode, type MessageTypesSource } from './lambda-code.ts';
import { createLog, type LogSettings } from './logs.ts';
import type { AwsClient } from './settings.ts';

export interface HeraldFunctionProps {
  readonly environment: Record<string, string>;
  readonly logs: LogSettings;
  /** Instances that are always warm. Undefined: none. */
  readonly provisionedConcurrency?: number | undefined;
  /** Instances that are its own, and the most it may have. Undefined: it shares those of the account. */
  readonly reservedConcurrency?: number | undefined;
  /** Only Lambdas that publish have use for it. */
  readonly messageTypes?: MessageTypesSource | undefined;
  /** The authorizer has no use for it. */
  readonly awsClient?: AwsClient;
}

/**
 * Lambda's own lines of each run are longer than ours. Ours are JSON, so Lambda passes them on as they are; it does not
 * filter them either, as it would take metrics for lines of level INFO.
 */
const WITHOUT_REPORTS = {
  loggingFormat: LoggingFormat.JSON,
  systemLogLevelV2: SystemLogLevel.WARN,
  applicationLogLevelV2: ApplicationLogLevel.INFO,
};

export class HeraldFunction extends LambdaFunction {
  /** What invokes it has to name this: the version whose instances are warm, or just the Lambda. */
  readonly target: IFunction;

  constructor(scope: Construct, name: LambdaName, props: HeraldFunctionProps) {
    const { description, timeoutSeconds, memoryMegabytes } = LAMBDAS[name];
    super(scope, name, {
      description: `Herald: ${description}`,
      code: lambdaCode(name, props),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: Duration.seconds(timeoutSeconds),
      memorySize: memoryMegabytes,
      ...(props.reservedConcurrency !== undefined && {
        reservedConcurrentExecutions: props.reservedConcurrency,
      }),
      environment: {
        ...props.environment,
        LOG_LEVEL: props.logs.level,
        NODE_OPTIONS: '--enable-source-maps',
      },
      ...(props.logs.level !== 'debug' && WITHOUT_REPORTS),
      logGroup: createLog(scope, `${name}Log`, props.logs),
      // A role of its own: the one CDK makes may write to every log group of the account.
      role: new Role(scope, `${name}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }),
    });
    this.allow(['logs:CreateLogStream', 'logs:PutLogEvents'], this.logGroup.logGroupArn);
    const { provisionedConcurrency: warm } = props;
    this.target =
      warm === undefined ? this : this.addAlias('warm', { provisionedConcurrentExecutions: warm });
  }

  allow(actions: string[], ...resources: string[]) {
    this.addToRolePolicy(new PolicyStatement({ actions, resources }));
  }

  /** `index`: a second order of the table's rows; whoever may query the table may query it in that order. */
  allowTable(table: TableV2, actions: readonly TableAction[], index?: TableIndex) {
    this.allow(
      actions.map((action) => `dynamodb:${action}`),
      table.tableArn,
    );
    if (index && actions.includes('Query'))
      this.allow(['dynamodb:Query'], `${table.tableArn}/index/${index.name}`);
  }
}

/** `notify` is called `Notify` where an API leads to it. */
export const integrationId = (name: LambdaName): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;

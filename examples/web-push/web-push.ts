/** The rule, the Lambda and the table that turn `Message Unanswered` into a Web Push. */
import { fileURLToPath } from 'node:url';
import { Duration } from 'aws-cdk-lib';
import { AttributeType, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { type IEventBus, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { Architecture, Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export interface WebPushProps {
  /** Herald's. */
  readonly eventBus: IEventBus;
  /** `{"subject":"mailto:…","publicKey":"…","privateKey":"…"}`, as `npx web-push generate-vapid-keys` makes the keys. */
  readonly vapid: ISecret;
}

export class WebPush extends Construct {
  /** Your backend puts what a browser subscribes with: `userId`, `endpoint`, `keys`. */
  readonly subscriptions: TableV2;

  constructor(scope: Construct, id: string, { eventBus, vapid }: WebPushProps) {
    super(scope, id);
    this.subscriptions = new TableV2(this, 'Subscriptions', {
      partitionKey: { name: 'userId', type: AttributeType.STRING },
      sortKey: { name: 'endpoint', type: AttributeType.STRING },
    });
    const push = new NodejsFunction(this, 'Push', {
      entry: fileURLToPath(new URL('index.ts', import.meta.url)),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: Duration.seconds(30),
      environment: {
        SUBSCRIPTIONS_TABLE: this.subscriptions.tableName,
        VAPID_SECRET_ARN: vapid.secretArn,
      },
      bundling: {
        format: OutputFormat.ESM,
        // web-push is CommonJS.
        banner:
          "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
      deadLetterQueue: new Queue(this, 'NotPushed', { enforceSSL: true, retentionPeriod: Duration.days(14) }),
    });
    this.subscriptions.grantReadWriteData(push);
    vapid.grantRead(push);
    new Rule(this, 'Unanswered', {
      eventBus,
      eventPattern: { source: ['herald'], detailType: ['Message Unanswered'] },
      targets: [new LambdaTarget(push)],
    });
  }
}

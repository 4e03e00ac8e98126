/** The stack of our own app: the backend, set by plain values, and what one needs to know of it afterwards. */
import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { NotificationBackend, type NotificationBackendProps } from './notification-backend.ts';
import type { Auth } from './settings.ts';

export interface HeraldStackProps extends StackProps, Omit<NotificationBackendProps, 'auth' | 'alarmTopic'> {
  /** Complete ARN of an existing secret, instead of a new one. */
  readonly jwtSecretArn?: string;
  /** Where an identity provider publishes its keys, instead of a secret. */
  readonly jwksUrl?: string;
  /** Required with a `jwksUrl`. */
  readonly issuer?: string;
  readonly audience?: string;
  readonly alarmTopicArn?: string;
}

export class HeraldStack extends Stack {
  constructor(scope: Construct, id: string, props: HeraldStackProps = {}) {
    super(scope, id, { description: 'Herald: notifications over WebSockets', ...props });
    const { alarmTopicArn, ...rest } = props;
    const backend = new NotificationBackend(this, 'Backend', {
      ...rest,
      auth: this.#auth(props),
      ...(alarmTopicArn && { alarmTopic: Topic.fromTopicArn(this, 'AlarmTopic', alarmTopicArn) }),
    });
    this.#tell(backend);
  }

  #auth({ jwtSecretArn, jwksUrl, issuer, audience }: HeraldStackProps): Auth {
    const claims = { ...(issuer && { issuer }), ...(audience && { audience }) };
    if (jwksUrl !== undefined) return { ...claims, jwksUrl, issuer: issuer ?? '' };
    if (jwtSecretArn === undefined) return claims;
    return { ...claims, secret: Secret.fromSecretCompleteArn(this, 'JwtSecret', jwtSecretArn) };
  }

  #tell(backend: NotificationBackend) {
    const output = (id: string, value: string, description: string) =>
      new CfnOutput(this, id, { value, description });
    output('WebSocketUrl', backend.webSocketUrl, 'Clients connect here');
    output('HttpUrl', backend.httpUrl, 'Services publish here: POST /notifications, signed (SigV4)');
    output('EventBusName', backend.eventBus.eventBusName, 'Takes events of detail type "Notification"');
    output('NotifyFunctionName', backend.notify.functionName, 'Takes a notification as its payload');
    if (backend.jwtSecret) {
      output(
        'JwtSecretArn',
        backend.jwtSecret.secretArn,
        'Secret the tokens of clients are signed with (HS256)',
      );
    }
    for (const [name, queue] of Object.entries(backend.deadLetterQueues)) {
      output(`${name}QueueUrl`, queue.queueUrl, 'Dead letters');
    }
  }
}

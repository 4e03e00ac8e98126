/** The stack of our own app: the backend, set by plain values, and what one needs to know of it afterwards. */
import { CfnOutput, type Duration, Stack, type StackProps } from 'aws-cdk-lib';
import type { DomainName } from 'aws-cdk-lib/aws-apigatewayv2';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { CustomDomain } from './custom-domain.ts';
import { NotificationBackend } from './notification-backend.ts';
import type { NotificationBackendProps } from './props.ts';
import type { Auth } from './settings.ts';

/** A custom domain in plain text. */
export interface NamedDomain {
  readonly domainName: string;
  /** In the Region of the stack. */
  readonly certificateArn: string;
}

type Plain = 'auth' | 'alarmTopic' | 'eventBus' | 'encryptionKey' | 'webSocketDomain' | 'httpDomain';

export interface HeraldStackProps extends StackProps, Omit<NotificationBackendProps, Plain> {
  /** Complete ARN of an existing secret, instead of a new one. */
  readonly jwtSecretArn?: string;
  /** Where an identity provider publishes its keys, instead of a secret. */
  readonly jwksUrl?: string;
  /** Required with a `jwksUrl`. */
  readonly issuer?: string;
  readonly audience?: string;
  /** Refuse tokens that live longer. */
  readonly maxTokenLifetime?: Duration;
  readonly alarmTopicArn?: string;
  /** Of an existing bus in the same account and Region, instead of a new one. */
  readonly eventBusName?: string;
  readonly encryptionKeyArn?: string;
  readonly webSocketDomain?: NamedDomain;
  readonly httpDomain?: NamedDomain;
}

export class HeraldStack extends Stack {
  constructor(scope: Construct, id: string, props: HeraldStackProps = {}) {
    super(scope, id, { description: 'Herald: notifications over WebSockets', ...props });
    const { webSocketDomain, httpDomain, ...rest } = props;
    const backend = new NotificationBackend(this, 'Backend', {
      ...rest,
      ...this.#existing(props),
      auth: this.#auth(props),
      ...(webSocketDomain && { webSocketDomain: this.#domain('WebSocketCertificate', webSocketDomain) }),
      ...(httpDomain && { httpDomain: this.#domain('HttpCertificate', httpDomain) }),
    });
    this.#tell(backend);
  }

  #existing({ alarmTopicArn, eventBusName, encryptionKeyArn }: HeraldStackProps) {
    return {
      ...(alarmTopicArn && { alarmTopic: Topic.fromTopicArn(this, 'AlarmTopic', alarmTopicArn) }),
      ...(eventBusName && { eventBus: EventBus.fromEventBusName(this, 'EventBus', eventBusName) }),
      ...(encryptionKeyArn && { encryptionKey: Key.fromKeyArn(this, 'Key', encryptionKeyArn) }),
    };
  }

  #domain(id: string, { domainName, certificateArn }: NamedDomain): CustomDomain {
    return { domainName, certificate: Certificate.fromCertificateArn(this, id, certificateArn) };
  }

  #auth({ jwtSecretArn, jwksUrl, issuer, audience, maxTokenLifetime }: HeraldStackProps): Auth {
    const claims = {
      ...(issuer && { issuer }),
      ...(audience && { audience }),
      ...(maxTokenLifetime && { maxTokenLifetime }),
    };
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
    output(
      'OutboxTableName',
      backend.outboxTable.tableName,
      'Takes rows of your own transactions: {id, notification}',
    );
    output('NotifyFunctionName', backend.notify.functionName, 'Takes a notification as its payload');
    if (backend.jwtSecret) {
      output(
        'JwtSecretArn',
        backend.jwtSecret.secretArn,
        'Secret the tokens of clients are signed with (HS256)',
      );
    }
    const { dashboard, webSocketDomain, httpDomain } = backend;
    output('DashboardName', dashboard.dashboardName, 'In CloudWatch: what to look at first');
    const target = (domain: DomainName) => domain.regionalDomainName;
    const record = 'Your name in front of the API has to point here (CNAME)';
    if (webSocketDomain) output('WebSocketDomainTarget', target(webSocketDomain), record);
    if (httpDomain) output('HttpDomainTarget', target(httpDomain), record);
    for (const [name, queue] of Object.entries(backend.deadLetterQueues)) {
      output(`${name}QueueUrl`, queue.queueUrl, 'Dead letters');
    }
  }
}

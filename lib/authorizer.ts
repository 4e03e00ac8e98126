/** The Lambda that reads clients' tokens, and the secret it reads them with. It sees no table. */
import type { RemovalPolicy } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import type { AuthVar, StompVar } from '../lambdas/env.ts';
import { HeraldFunction } from './herald-function.ts';
import type { LogSettings } from './logs.ts';
import { acknowledge } from './nag.ts';
import type { Auth } from './settings.ts';

export interface AuthorizerProps {
  readonly auth: Auth;
  /** Of the tokens: what they let their users do. */
  readonly permissionsClaim: string;
  readonly stomp: boolean;
  readonly allowedOrigins: readonly string[] | undefined;
  readonly removalPolicy: RemovalPolicy;
  readonly logs: LogSettings;
  /** Its name in the metrics. */
  readonly backend: string;
  readonly encryptionKey: IKey | undefined;
  readonly provisionedConcurrency: number | undefined;
  readonly reservedConcurrency: number | undefined;
}

export class Authorizer extends Construct {
  readonly lambda: HeraldFunction;
  /** Undefined: the tokens' issuer publishes its keys. */
  readonly secret: ISecret | undefined;
  /** How tokens are read. */
  readonly environment: Record<string, string>;

  constructor(scope: Construct, id: string, props: AuthorizerProps) {
    super(scope, id);
    const { auth, logs, provisionedConcurrency, reservedConcurrency } = props;
    this.secret = auth.jwksUrl === undefined ? (auth.secret ?? this.#createSecret(props)) : undefined;
    const environment: Record<AuthVar | 'BACKEND_NAME' | Extract<StompVar, 'STOMP'>, string> = {
      JWT_SECRET_ARN: this.secret?.secretArn ?? '',
      JWKS_URL: auth.jwksUrl ?? '',
      JWT_ISSUER: auth.issuer ?? '',
      JWT_AUDIENCE: auth.audience ?? '',
      PERMISSIONS_CLAIM: props.permissionsClaim,
      MAX_TOKEN_LIFETIME_SECONDS: String(auth.maxTokenLifetime?.toSeconds() ?? ''),
      BACKEND_NAME: props.backend,
      STOMP: props.stomp ? 'true' : '',
      ALLOWED_ORIGINS: props.allowedOrigins?.join(',') ?? '',
    };
    this.environment = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
    this.lambda = new HeraldFunction(this, 'authorizer', {
      environment: this.environment,
      logs,
      provisionedConcurrency,
      reservedConcurrency,
    });
    this.allowToReadTokens(this.lambda);
  }

  #createSecret({ removalPolicy, encryptionKey }: AuthorizerProps): Secret {
    const secret = new Secret(this, 'JwtSecret', {
      description: 'Herald: signs and verifies the tokens of clients (HS256)',
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      ...(encryptionKey && { encryptionKey }),
      removalPolicy,
    });
    acknowledge(
      secret,
      'AwsSolutions-SMG4',
      'Rotated by hand: whoever issues the tokens has to change over at the same time, else every client is locked out.',
    );
    return secret;
  }

  /** Gives a Lambda the right to the secret, where there is one. */
  allowToReadTokens(lambda: HeraldFunction) {
    const { secret } = this;
    if (secret === undefined) return;
    // An imported secret may be known without the six random characters at the end of its ARN.
    const arn = secret.secretFullArn ?? `${secret.secretArn}-??????`;
    lambda.allow(['secretsmanager:GetSecretValue'], arn);
    secret.encryptionKey?.grantDecrypt(lambda);
  }
}

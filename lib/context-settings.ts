/**
 * The settings of our own app, each named once. `lib/context.ts` reads no other, and the tables of
 * `docs/guide.md` and `docs/operations.md` are written from these lines by `npm run docs`.
 */

export interface SettingLine {
  /** Several that are set together share a line. */
  readonly names: readonly string[];
  /** What holds where the setting is not set, in the words of the documentation. */
  readonly default: string;
  readonly what: string;
  /** What only the operator needs to know: bounds, forms, exceptions. */
  readonly more?: string;
}

export const SETTINGS = [
  {
    names: ['stackName'],
    default: '`Herald`',
    what: 'name of the stack; several live in one account',
  },
  {
    names: ['jwtSecretArn'],
    default: 'a new secret',
    what: 'verify HS256 tokens with this secret; its complete ARN',
    more: 'plain text of at least 32 bytes',
  },
  {
    names: ['jwksUrl'],
    default: 'none',
    what: 'instead of a secret: verify RS256 and ES256 tokens with the keys published here; needs `issuer`',
  },
  {
    names: ['issuer', 'audience'],
    default: 'any',
    what: 'what `iss` and `aud` of a token must be',
  },
  {
    names: ['maxTokenLifetimeSeconds'],
    default: 'any',
    what: 'refuse tokens that live longer, from `iat` (or now) to `exp`',
    more: '60 to 31536000',
  },
  {
    names: ['allowedOrigins'],
    default: 'any',
    what: 'web origins that may connect, separated by commas',
    more: 'clients that send no `Origin` are no browsers and always may',
  },
  {
    names: ['defaultRetentionSeconds'],
    default: '604800',
    what: 'how long messages are kept whose publisher and type say nothing',
    more: '60 to 31536000',
  },
  {
    names: ['maxConnectionsPerUser'],
    default: '10',
    what: 'beyond it the oldest connections are closed',
    more: '1 to 10000',
  },
  {
    names: ['maxDevicesPerUser'],
    default: '1000',
    what: "a user's devices beyond this are forgotten, the longest unseen first",
    more: '1 to 10000',
  },
  {
    names: ['frameRate'],
    default: '10',
    what: 'frames a second a connection may send in the long run, bursts of five times as many',
    more: '1 to 1000; each process of the Lambda counts for itself',
  },
  {
    names: ['everyone'],
    default: '`true`',
    what: 'every connection hears the channel `everyone`',
    more: 'costs two write units a connect',
  },
  {
    names: ['openTopics'],
    default: 'none',
    what: 'topics that every user may subscribe to, separated by commas, as in `news.*,chat`',
    more: 'a `*` at the end stands for any rest',
  },
  {
    names: ['maxSubscriptions'],
    default: '100',
    what: 'topics that one connection may hear',
    more: "1 to 100; those of the user's memberships count",
  },
  {
    names: ['permissionsClaim'],
    default: '`herald`',
    what: 'claim of a token that says which channels its user may subscribe and publish to',
  },
  {
    names: ['appMessages'],
    default: '`false`',
    what: 'clients may send messages to the application, as events on the bus',
  },
  {
    names: ['events'],
    default: '`false`',
    what: 'the application is told, by events on the bus, [who comes and goes](guide.md#who-comes-and-goes)',
  },
  {
    names: ['offlineAfterSeconds'],
    default: '30',
    what: 'how long after the last connection closed a user counts as offline',
    more: '1 to 900',
  },
  {
    names: ['stomp'],
    default: '`false`',
    what: 'clients of STOMP are served, too',
    more: 'their sockets open without a token, and have no rights until their `CONNECT` brings one',
  },
  {
    names: ['maxPendingPerAddress'],
    default: '20',
    what: 'sockets of one IP address that wait for their `CONNECT`, or were refused within 30 s',
    more: '1 to 10000; only with `stomp`',
  },
  {
    names: ['maxPending'],
    default: '1000',
    what: 'the same of all addresses together',
    more: '1 to 10000; only with `stomp`',
  },
  {
    names: ['fanOutRate'],
    default: '5000',
    what: 'posts a second of all large fan-outs together',
    more: '1 to 100000; the rest of the request rate of the account is left to other messages',
  },
  {
    names: ['fanOutPage'],
    default: '256',
    what: 'connections that a publish serves before it is answered; the others are queued',
    more: '1 to 1000',
  },
  {
    names: ['closedTypes'],
    default: '`false`',
    what: 'refuse message types that are not registered',
    more: 'the types stand in `lambdas/message-types.ts`',
  },
  {
    names: ['awsClient'],
    default: '`lean`',
    what: 'whose clients call AWS: [our own or those of the AWS SDK](operations.md#whose-clients-call-aws), `lean` or `sdk`',
  },
  {
    names: ['stageName'],
    default: '`prod`',
    what: 'the last part of the WebSocket URL',
  },
  {
    names: ['throttleRate', 'throttleBurst'],
    default: '1000, 500',
    what: 'requests per second of each API, and how many at once on top',
  },
  {
    names: ['routeThrottles'],
    default: 'those of the API',
    what: 'the same for single routes, as in `$connect=200/100,$default=500/1000`',
    more: 'the keys of both APIs: `$connect`, `$default`, `POST /notifications` …; in cdk.json also an object',
  },
  {
    names: ['webSocketDomain', 'webSocketCertificateArn'],
    default: "API Gateway's name",
    what: '[a name of your own](operations.md#custom-domains) for clients',
  },
  {
    names: ['httpDomain', 'httpCertificateArn'],
    default: "API Gateway's name",
    what: 'another name for the HTTPS requests',
  },
  {
    names: ['eventBusName'],
    default: 'a new bus',
    what: 'an existing bus of the account',
    more: 'its events of detail type `Notification` are published',
  },
  {
    names: ['encryptionKeyArn'],
    default: 'keys of AWS',
    what: 'a KMS key for tables, queues, logs and a new secret; [its policy](operations.md#encryption)',
  },
  {
    names: ['provisionedConcurrency'],
    default: 'none',
    what: 'Lambdas kept warm, as in `authorizer=2,notify=1`; paid for by the hour',
  },
  {
    names: ['reservedConcurrency'],
    default: 'none',
    what: "instances that are a Lambda's own, and its most, as in `notify=100,message=200`",
    more: '[a flood of frames](operations.md#throttling) cannot starve the others then; taken out of what the account has',
  },
  {
    names: ['logLevel'],
    default: '`info`',
    what: 'what is logged: `debug`, `info`, `warn` or `error`, and what is graver',
    more: "`debug`: Lambda's own lines of each run, too, which double what is logged; metrics are always written",
  },
  {
    names: ['logSampling'],
    default: '10',
    what: 'of how many messages in a hundred the log tells the way, connection by connection; any publish may ask for it: `"trace": true`',
    more: '0 to 100',
  },
  {
    names: ['logRetentionDays'],
    default: '30',
    what: "of the Lambdas' and the APIs' logs",
  },
  {
    names: ['alarmTopicArn'],
    default: 'none',
    what: 'an SNS topic that hears of every alarm',
    more: 'without it alarms only show',
  },
  {
    names: ['accountLogRole'],
    default: '`false`',
    what: 'set the role API Gateway writes logs with, [where the account has none](guide.md#the-log-role-of-the-account)',
    more: 'one for the account and Region; it replaces the one that is set',
  },
  {
    names: ['removalPolicy'],
    default: '`retain`',
    what: 'what becomes of the tables, the secret and the dead letters with the stack: `retain` or `destroy`',
    more: '`retain` protects the tables against deletion, too',
  },
] as const satisfies readonly SettingLine[];

export type SettingName = (typeof SETTINGS)[number]['names'][number];

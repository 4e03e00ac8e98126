/** `herald start`: the local stack. Here are its options; the stack itself is loaded only when it is to run. */
import { MAX_FAN_OUT_PAGE, MAX_OFFLINE_AFTER_SECONDS } from '../../../lambdas/domain/settings.ts';
import { MAX_SUBSCRIPTIONS } from '../../../lambdas/protocol/limits.ts';
import { isOrigin, ORIGIN_RULE } from '../../../lambdas/protocol/names.ts';
import { isTopicPattern, TOPIC_PATTERN_RULE } from '../../../lambdas/protocol/permissions.ts';
import { IS_PACKAGE } from '../../program.ts';
import type { StackOptions } from '../../stack.ts';
import { defineCommand, type Values } from '../command.ts';
import { parseCommand } from '../parse.ts';
import { checked, integer, url } from '../values.ts';

const DEFAULT_PORT = 8787;
const PORTS = { min: 0, max: 65_535 };
/** More would overflow the timers. */
const SECONDS = { min: 1, max: 1_000_000 };

const QUEUE_SPEED = { min: 1, max: 10_000 };
const STREAM_DELAY_MS = { min: 0, max: 60_000 };

const OPTIONS = {
  port: { value: 'N', help: `port for everything (default ${DEFAULT_PORT}; 0: any free one)` },
  data: { value: 'DIR', help: 'keep the data in DIR (default: in memory, gone at the end)' },
  'idle-seconds': { value: 'N', help: 'close a connection after so long without data (default 600)' },
  'max-connection-seconds': { value: 'N', help: 'close every connection after so long (default 7200)' },
  bundles: {
    help: 'run the bundles CDK deploys, each in a process of its own with the\nenvironment CDK gives it (default: the sources, in a thread of their own)',
  },
  'cdk-out': {
    value: 'DIR',
    help: 'run the bundles of your app, as cdk synth left them in DIR',
  },
  construct: {
    value: 'PATH',
    help: 'with --cdk-out: which Herald, where your app has several, as in Prod/Notifications',
  },
  'allow-host': {
    value: 'HOST',
    isList: true,
    help: 'a further name of this machine, with a port or for any; may be repeated',
  },
  'allow-origin': {
    value: 'ORIGIN',
    isList: true,
    help: 'a page from elsewhere that may publish, ask and connect; may be repeated.\nPages of this machine may connect anyway',
  },
  'jwks-url': { value: 'URL', help: 'setting jwksUrl: take tokens of this provider only' },
  issuer: { value: 'TEXT', help: 'setting issuer: `iss` of every token' },
  audience: { value: 'TEXT', help: 'setting audience: `aud` of every token' },
  'allowed-origins': { value: 'LIST', help: 'setting allowedOrigins: pages whose clients may connect' },
  'closed-types': { help: 'setting closedTypes: take only types of lambdas/message-types.ts' },
  'app-messages': { help: 'setting appMessages: clients may send messages to the application' },
  events: { help: 'setting events: the application is told who comes and goes' },
  'offline-after-seconds': {
    value: 'N',
    help: 'setting offlineAfterSeconds: when a user who left counts as offline (default 30)',
  },
  'queue-speed': {
    value: 'N',
    help: 'delays of queues pass N times as fast: with 60, a minute until somebody is\ncalled for an unanswered message takes a second',
  },
  stomp: { help: 'setting stomp: serve clients of STOMP, too' },
  'no-everyone': { help: 'setting everyone: no connection hears the channel everyone' },
  'open-topics': {
    value: 'LIST',
    help: 'setting openTopics: topics that every user may subscribe to, as in news.*,chat',
  },
  'max-subscriptions': { value: 'N', help: 'setting maxSubscriptions: of a connection (default 100)' },
  'fan-out-page': {
    value: 'N',
    help: 'setting fanOutPage: subscribers served before a publish is answered\n(default 256); the others are queued',
  },
  'stream-delay-ms': {
    value: 'N',
    help: 'hold back what the streams of the tables say, as AWS does for up to 250 ms\n(default 0)',
  },
  'json-logs': { help: 'print JSON lines, as on AWS (default: lines for a reader)' },
  quiet: { help: 'print only what goes wrong' },
} as const;

export const start = defineCommand({
  summary: 'Runs Herald on this machine until Ctrl-C.',
  operands: '',
  options: OPTIONS,
  notes: `Tokens are HS256, signed with HERALD_JWT_SECRET (default: a fixed secret, printed at the start).
Signatures of HTTPS and AWS requests (SigV4) are not checked here; on AWS they are.`,
  async run(_operands, values) {
    const options = stackOptions(values);
    const { runStack } = await import('../../run.ts');
    await runStack(options);
  },
});

/** Throws an error of one line. */
export const parseStart = (args: string[]): StackOptions =>
  stackOptions(parseCommand('start', start, args).values);

function stackOptions(values: Values<typeof OPTIONS>): StackOptions {
  if (values.data === '') throw new Error('--data is empty, expected a directory');
  return {
    port: integer('--port', values.port, PORTS) ?? DEFAULT_PORT,
    dataDir: values.data,
    quiet: values.quiet,
    jsonLogs: values['json-logs'],
    bundles: bundles(values),
    settings: settings(values),
    overrides: overrides(values),
    gate: gate(values),
    queueSpeed: integer('--queue-speed', values['queue-speed'], QUEUE_SPEED),
    streamDelayMs: integer('--stream-delay-ms', values['stream-delay-ms'], STREAM_DELAY_MS),
    gateway: {
      ...milliseconds('idleMs', '--idle-seconds', values['idle-seconds']),
      ...milliseconds('maxAgeMs', '--max-connection-seconds', values['max-connection-seconds']),
    },
  };
}

/** The package has no sources to run, so it runs the bundles of the app it is installed in. */
const DEFAULT_ASSEMBLY = IS_PACKAGE ? 'cdk.out' : undefined;

function bundles({ bundles, construct, ...values }: Values<typeof OPTIONS>): StackOptions['bundles'] {
  const assembly = values['cdk-out'] ?? DEFAULT_ASSEMBLY;
  if (assembly === '') throw new Error('--cdk-out is empty, expected a directory');
  if (assembly === undefined && construct !== undefined)
    throw new Error('--construct is for --cdk-out, which is not given');
  return bundles || assembly !== undefined ? { assembly, construct } : undefined;
}

const SETTINGS = ['jwks-url', 'issuer', 'audience', 'allowed-origins', 'closed-types'] as const;

function settings(values: Values<typeof OPTIONS>): StackOptions['settings'] {
  const given = SETTINGS.find((name) => values[name] !== undefined);
  const empty = (['issuer', 'audience'] as const).find((name) => values[name] === '');
  if (empty) throw new Error(`--${empty} is empty, expected what a token has: leave it out to take any`);
  if (given && bundles(values)) throw new Error(`--${given} is for the sources: bundles have their settings`);
  const jwksUrl = values['jwks-url'];
  if (jwksUrl !== undefined) url('--jwks-url', jwksUrl, 'http');
  if (jwksUrl !== undefined && !values.issuer)
    throw new Error('--issuer is missing: with --jwks-url, only its tokens must open connections');
  return {
    jwksUrl,
    issuer: values.issuer,
    audience: values.audience,
    allowedOrigins: values['allowed-origins']
      ?.split(',')
      .map((origin) => checked('--allowed-origins', origin.trim(), isOrigin, ORIGIN_RULE)),
    closedTypes: values['closed-types'],
  };
}

const FAN_OUT_PAGE = { min: 1, max: MAX_FAN_OUT_PAGE };

/** They hold for bundles too. */
function overrides(values: Values<typeof OPTIONS>): StackOptions['overrides'] {
  // What it takes stands in the environment that the bundles of such an app are given.
  if (values.stomp && bundles(values))
    throw new Error(
      '--stomp is for the sources: bundles serve STOMP if their app was synthesized with stomp=true',
    );
  return {
    everyone: values['no-everyone'] ? false : undefined,
    openTopics: values['open-topics']
      ?.split(',')
      .map((pattern) => checked('--open-topics', pattern.trim(), isTopicPattern, TOPIC_PATTERN_RULE)),
    maxSubscriptions: integer('--max-subscriptions', values['max-subscriptions'], {
      min: 1,
      max: MAX_SUBSCRIPTIONS,
    }),
    fanOutPage: integer('--fan-out-page', values['fan-out-page'], FAN_OUT_PAGE),
    appMessages: values['app-messages'],
    events: values.events,
    offlineAfterSeconds: integer('--offline-after-seconds', values['offline-after-seconds'], {
      min: 1,
      max: MAX_OFFLINE_AFTER_SECONDS,
    }),
    stomp: values.stomp,
  };
}

const HOST = /^(\[[\da-f:]+\]|[\w.-]+)(:\d+)?$/i;
const PAGE = /^(null|[a-z][a-z\d+.-]*:\/\/[^/?#\s]+)$/i;

function gate(values: Values<typeof OPTIONS>): StackOptions['gate'] {
  const matches =
    (pattern: RegExp) =>
    (value: unknown): value is string =>
      pattern.test(String(value));
  const [isHost, isPage] = [matches(HOST), matches(PAGE)];
  return {
    hosts: values['allow-host']?.map((host) =>
      checked('--allow-host', host, isHost, 'a host name, such as my-laptop.local or my-laptop.local:8787'),
    ),
    origins: values['allow-origin']?.map((origin) =>
      checked('--allow-origin', origin, isPage, 'an origin, such as https://app.example or null'),
    ),
  };
}

function milliseconds<Name extends string>(
  name: Name,
  option: string,
  text: string | undefined,
): { [K in Name]?: number } {
  const seconds = integer(option, text, SECONDS);
  return seconds === undefined ? {} : ({ [name]: seconds * 1000 } as { [K in Name]?: number });
}

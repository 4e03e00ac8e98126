/** `npm run capacity -- --connections 1000000`: how long until all are back, which quota binds, and what to raise. */
import { parseArgs } from 'node:util';
import { broadcast, type FanOut, heat, PARTITION } from './broadcast-model.ts';
import {
  BEHAVIOUR,
  bindingQuota,
  QUOTAS,
  type QuotaName,
  type Quotas,
  ratesOf,
  reconnect,
  rotationPeak,
} from './capacity-model.ts';

const FAN_OUT_RATE = 5000;
/** Setting `fanOutPage`: served before a publish is answered. */
const FAN_OUT_PAGE = 256;

const HELP = `What an AWS account's quotas mean for so many open connections: npm run capacity -- [options]

  --connections N              devices that are connected (default 1000000)
  --connects-per-second N      quota of new connections (default ${QUOTAS.connectsPerSecond})
  --requests-per-second N      quota of requests, shared by all APIs of the account (default ${QUOTAS.requestsPerSecond})
  --lambda-concurrency N       quota of Lambdas that run at once (default ${QUOTAS.lambdaConcurrency})
  --other-requests N           requests per second that are spent on publishing and else (default 0)
  --spread-seconds N           in a storm, the first tries come over so long (default 1)
  --fan-out-rate N             setting fanOutRate: posts per second of all fan-outs (default ${FAN_OUT_RATE})
  --ping-minutes N             between the pings of a client; 0: none (default 9)
  --rotation-minutes N         a client hands over to a new connection after so long (default 110)
  --rotation-jitter-percent N  and up to so much later (default 7)
`;

const NAMES: Record<QuotaName, string> = {
  connectsPerSecond: 'new connections per second',
  requestsPerSecond: 'requests per second',
  lambdaConcurrency: 'Lambda concurrency',
};

/** Exact for whole numbers, and none else is a quota. */
function integer(text: string | undefined, otherwise: number, name: string): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,12}$/.test(text)) throw new Error(`--${name} is "${text}", expected a whole number`);
  return Number(text);
}

export function capacityReport(args: string[]): string {
  const { values } = parseArgs({
    args,
    options: {
      connections: { type: 'string' },
      'connects-per-second': { type: 'string' },
      'requests-per-second': { type: 'string' },
      'lambda-concurrency': { type: 'string' },
      'other-requests': { type: 'string' },
      'spread-seconds': { type: 'string' },
      'fan-out-rate': { type: 'string' },
      'ping-minutes': { type: 'string' },
      'rotation-minutes': { type: 'string' },
      'rotation-jitter-percent': { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return HELP;
  const number = (name: Exclude<keyof typeof values, 'help'>, otherwise: number) =>
    integer(values[name], otherwise, name);
  const quotas: Quotas = {
    connectsPerSecond: number('connects-per-second', QUOTAS.connectsPerSecond),
    requestsPerSecond: number('requests-per-second', QUOTAS.requestsPerSecond),
    lambdaConcurrency: number('lambda-concurrency', QUOTAS.lambdaConcurrency),
  };
  const fleet = {
    connections: number('connections', 1_000_000),
    spreadSeconds: number('spread-seconds', 1),
    otherRequestsPerSecond: number('other-requests', 0),
  };
  const rotationSeconds = number('rotation-minutes', 110) * 60;
  const jitterSeconds = (rotationSeconds * number('rotation-jitter-percent', 7)) / 100;

  const storm = reconnect(fleet, quotas);
  const rates = ratesOf(quotas, BEHAVIOUR, fleet);
  const steady = fleet.connections / (rotationSeconds + jitterSeconds / 2);
  const echo = rotationPeak(storm.connects, jitterSeconds);
  const most = Math.min(...Object.values(rates));
  return [
    `${count(fleet.connections)} connections`,
    '',
    'Each quota alone allows, in connects per second:',
    ...Object.entries(rates).map(([name, rate]) => `  ${NAMES[name as QuotaName].padEnd(28)} ${count(rate)}`),
    '',
    `If all of them lose the connection and come back over ${fleet.spreadSeconds} s:`,
    `  half are back after          ${duration(storm.halfSeconds)}`,
    `  all are back after           ${duration(storm.seconds)}`,
    `  handshakes refused meanwhile ${count(storm.refused)}`,
    `  what binds                   ${storm.binds ? NAMES[storm.binds] : 'no quota'}`,
    '',
    `Rotation every ${rotationSeconds / 60} minutes, ${duration(jitterSeconds)} of jitter:`,
    `  in the steady state          ${count(steady)} connects/s${verdict(steady, most)}`,
    `  one rotation after the storm ${count(echo)} connects/s${verdict(echo, most)}`,
    '',
    ...advice(fleet.connections, storm.seconds, quotas, rates),
    '',
    ...broadcastLines({
      connections: fleet.connections,
      page: FAN_OUT_PAGE,
      fanOutRate: number('fan-out-rate', FAN_OUT_RATE),
      requestsPerSecond: Math.max(0, quotas.requestsPerSecond - fleet.otherRequestsPerSecond),
    }),
    '',
    ...heatLines(fleet.connections, Math.max(...storm.connects, 0), number('ping-minutes', 9)),
    '',
  ].join('\n');
}

function broadcastLines(fanOut: FanOut): string[] {
  const { ranges, seconds, binds, readUnitsPerSecond, dollars } = broadcast(fanOut);
  const binding =
    binds === 'fanOutRate'
      ? `the setting fanOutRate, ${count(fanOut.fanOutRate)} posts/s`
      : `${NAMES.requestsPerSecond}, ${count(fanOut.requestsPerSecond)} left`;
  return [
    'A message to everyone:',
    `  posted before the answer     ${count(Math.min(fanOut.page, fanOut.connections))}`,
    `  ranges in the queue          ${count(ranges)}`,
    `  the last has it after        ${duration(seconds)}`,
    `  what binds                   ${ranges === 0 ? 'nothing' : binding}`,
    `  price                        $${dollars.toFixed(2)}, besides the log`,
    `  its look-ups                 ${count(readUnitsPerSecond)} read units/s of the ${count(PARTITION.readUnits)} of one partition`,
    `  memory of a worker           one page of ${FAN_OUT_PAGE} subscriptions, however many there are`,
  ];
}

/** While all come back. */
function heatLines(connections: number, connectsPerSecond: number, pingMinutes: number): string[] {
  const hot = heat({ connections, connectsPerSecond, pingMinutes });
  const reads = hot.headReadsOfConnects + hot.headReadsOfPings;
  const split =
    hot.partitions > 1
      ? `, so DynamoDB has to split them over ${hot.partitions}; until then connects are throttled and come again`
      : '';
  const tooHot = reads > PARTITION.readUnits ? ': TOO MANY, and no split helps; switch `everyone` off' : '';
  return [
    'The channel everyone, which each of them hears, while they come back:',
    `  writes of its subscriptions  ${count(hot.subscriptionWrites)}/s, a partition takes ${count(PARTITION.writeUnits)}${split}`,
    `  reads of its head            ${count(hot.headReadsOfConnects)}/s for connects and ${count(hot.headReadsOfPings)}/s for pings, of ${count(PARTITION.readUnits)} of its one row${tooHot}`,
  ];
}

const verdict = (rate: number, most: number): string =>
  rate > most ? `, more than the ${count(most)} that the quotas allow` : '';

/** What to raise so that all are back within ten minutes, with what of each quota. */
const WANTED_SECONDS = 600;

function advice(
  connections: number,
  seconds: number,
  quotas: Quotas,
  rates: Record<QuotaName, number>,
): string[] {
  if (seconds <= WANTED_SECONDS) return ['Nothing needs to be raised to be settled within ten minutes.'];
  const wanted = connections / WANTED_SECONDS;
  const short = (Object.keys(rates) as QuotaName[]).filter((name) => rates[name] < wanted);
  return [
    `To be settled within ten minutes, raise, ${NAMES[bindingQuota(rates)]} first:`,
    ...short.map((name) => {
      const needed = rates[name] > 0 ? quotas[name] * (wanted / rates[name]) : Infinity;
      return `  ${NAMES[name].padEnd(28)} from ${count(quotas[name])} to ${count(needed)}`;
    }),
  ];
}

const count = (value: number): string =>
  Number.isFinite(value) ? Math.ceil(value).toLocaleString('en') : 'never';

function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'never';
  if (seconds < 120) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}

if (import.meta.main) {
  try {
    process.stdout.write(capacityReport(process.argv.slice(2)));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}

/** `npm run load`: devices, publishes and seconds as asked, with every delivery verified while it is measured. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { postJson } from '../../local/cli/signed-request.ts';
import { spawnStack } from '../../local/cli/spawn.ts';
import { issueToken, readJwtSecret } from '../../local/cli/token.ts';
import { barChart } from './chart.ts';
import { createHistogram, drawn, type Histogram } from './histogram.ts';
import { createLedger, isClean, type Ledger, type Verdict } from './ledger.ts';
import { type Fleet, openFleet } from './load-fleet.ts';
import { cpuMsOf, descendantsOf } from './processes.ts';
import { median } from './statistics.ts';

const HELP = `Loads a stack and verifies every delivery: npm run load -- [options]

  --devices N          connected devices (default 2000)
  --per-user N         devices of one user (default 5)
  --topic              all devices hear one topic, and each publish is to all of them
  --rate N             publishes per second, each to one user (default 200; with --topic 1)
  --seconds N          for how long (default 60)
  --reconnect-storm    half-way through, all devices drop and come back at once
  --url URL            HTTPS URL of a deployed stack (default: starts a local stack)
  --ws-url URL         its WebSocket URL
  --report FILE        where the report goes (default tools/bench/load-report.html)

Tokens are signed with HERALD_JWT_SECRET; requests to a deployed stack with your AWS credentials.
`;

const DEADLINE_MS = 120_000;

export interface LoadOptions {
  devices: number;
  perUser: number;
  rate: number;
  seconds: number;
  storm: boolean;
  /** All devices hear one topic. */
  topic: boolean;
  httpUrl: string;
  wsUrl: string;
  /** Of the local stack; undefined: it is elsewhere, and its CPU is not known. */
  serverPid?: number | undefined;
}

export interface LoadResult {
  verdict: Verdict;
  latencies: Histogram;
  published: number;
  failed: number;
  /** Until all devices had caught up again. */
  stormMs: number | undefined;
  /** Milliseconds until the last device had a message, the median of all messages. */
  lastP50: number;
  /** From the first publish to the last delivery; `rate` is its limit where the stack keeps up. */
  deliveriesPerSecond: number;
  /** Microseconds of the stack and its database for a delivery, replays and acks included. */
  cpuMicros: number | undefined;
}

/** Whom a publish reaches, and what the ledger calls them. */
interface Audience {
  name: string;
  to: { user: string } | { topic: string };
}

interface Run {
  options: LoadOptions;
  fleet: Fleet;
  ledger: Ledger;
  latencies: Histogram;
  /** Milliseconds of the slowest delivery so far, by audience and number. */
  slowest: Map<string, number>;
  clock: { lastReceivedAt: number };
  audiences: Audience[];
  published: number;
  failed: number;
}

export async function runLoad(options: LoadOptions, progress: (line: string) => void): Promise<LoadResult> {
  const run = await prepare(options, progress);
  const { fleet, ledger, latencies } = run;
  const cpuBefore = cpuMsOfTree(options.serverPid);
  const startedAt = performance.now();
  const line = () =>
    progress(
      `${fleet.live}/${fleet.size} live, ${run.published} published, ${latencies.count} delivered, p50 ${latencies.percentile(0.5).toFixed(1)} ms, p99 ${latencies.percentile(0.99).toFixed(1)} ms`,
    );
  const ticker = setInterval(line, 500);
  try {
    const [stormMs] = await Promise.all([
      options.storm ? storm(fleet, (options.seconds * 1000) / 2) : undefined,
      publishAll(run),
    ]);
    await settled(ledger);
    line();
    const { published, failed, slowest, clock } = run;
    const cpuMs = cpuMsOfTree(options.serverPid) - cpuBefore;
    return {
      verdict: ledger.verdict(),
      latencies,
      published,
      failed,
      stormMs,
      lastP50: median([...slowest.values()]),
      deliveriesPerSecond: (latencies.count * 1000) / (clock.lastReceivedAt - startedAt),
      cpuMicros: options.serverPid === undefined ? undefined : (cpuMs * 1000) / latencies.count,
    };
  } finally {
    clearInterval(ticker);
    await fleet.close();
  }
}

const cpuMsOfTree = (pid: number | undefined): number =>
  pid === undefined
    ? 0
    : [pid, ...descendantsOf(pid).map((child) => child.pid)].reduce((sum, each) => sum + cpuMsOf(each), 0);

async function prepare(options: LoadOptions, progress: (line: string) => void): Promise<Run> {
  const { wsUrl, perUser } = options;
  const userCount = Math.max(1, Math.round(options.devices / perUser));
  // Of this run alone: what an earlier one left in the logs is none of its business.
  const name = `load-${Date.now().toString(36)}`;
  const users = Array.from({ length: userCount }, (_, index) => `${name}-${index}`);
  const topic = options.topic ? name : undefined;
  const ledger =
    topic === undefined ? createLedger(users, perUser) : createLedger([topic], userCount * perUser);
  const numbers = new Map(users.map((userId, index) => [userId, index]));
  const latencies = createHistogram();
  const slowest = new Map<string, number>();
  const clock = { lastReceivedAt: Number.NaN };
  progress(`opening ${userCount * perUser} devices`);
  const secret = readJwtSecret();
  const permissions = topic === undefined ? undefined : { subscribe: [`topic:${topic}`] };
  const fleet = await openFleet({
    wsUrl,
    users,
    devicesPerUser: perUser,
    topic,
    tokenOf: (userId) => issueToken(userId, secret, { permissions }),
    received(userId, device, seq, data) {
      clock.lastReceivedAt = performance.now();
      const took = clock.lastReceivedAt - (data as { publishedAt: number }).publishedAt;
      const message = `${topic ?? userId} ${seq}`;
      latencies.add(took);
      slowest.set(message, Math.max(took, slowest.get(message) ?? 0));
      if (topic === undefined) ledger.received(userId, device, seq);
      else ledger.received(topic, (numbers.get(userId) ?? 0) * perUser + device, seq);
    },
  });
  const audiences: Audience[] =
    topic === undefined
      ? users.map((user) => ({ name: user, to: { user } }))
      : [{ name: topic, to: { topic } }];
  return { options, fleet, ledger, latencies, slowest, clock, audiences, published: 0, failed: 0 };
}

/** At the rate asked for, however long each takes. */
async function publishAll(run: Run): Promise<void> {
  const { rate, seconds } = run.options;
  const total = rate * seconds;
  const startedAt = performance.now();
  const underWay = new Set<Promise<void>>();
  for (let number = 0; number < total; number++) {
    const wait = startedAt + (number * 1000) / rate - performance.now();
    if (wait > 1) await sleep(wait);
    const audience = run.audiences[Math.floor(Math.random() * run.audiences.length)];
    if (audience === undefined) return;
    const publishing = publish(run, audience).finally(() => underWay.delete(publishing));
    underWay.add(publishing);
  }
  await Promise.all(underWay);
}

async function publish(run: Run, { name, to }: Audience): Promise<void> {
  const body = {
    to,
    type: 'load',
    data: { publishedAt: performance.now(), padding: 'x'.repeat(200) },
  };
  const { status, body: text } = await postJson(
    new URL('/notifications', run.options.httpUrl),
    JSON.stringify(body),
  );
  if (status !== 200) {
    run.failed += 1; // refused, or stored for all we know: nobody is owed it
    return;
  }
  const { results }: { results: { seq: number }[] } = JSON.parse(text);
  run.ledger.published(name, results[0]?.seq ?? 0);
  run.published += 1;
}

async function storm(fleet: Fleet, afterMs: number): Promise<number> {
  await sleep(afterMs);
  const startedAt = performance.now();
  fleet.cutAll();
  await fleet.allLive(DEADLINE_MS);
  return performance.now() - startedAt;
}

/** Until everybody has everything; what is missing after the deadline is lost. */
async function settled(ledger: Ledger): Promise<void> {
  const deadlineAt = Date.now() + DEADLINE_MS;
  while (ledger.missing() > 0 && Date.now() < deadlineAt) await sleep(100);
}

export function loadSummary(result: LoadResult): string {
  const { verdict, latencies, published, failed, stormMs, lastP50, deliveriesPerSecond, cpuMicros } = result;
  const { expected, delivered, lost, doubled, disordered } = verdict;
  const of = (share: number) => `${latencies.percentile(share).toFixed(1)} ms`;
  return [
    drawn(latencies),
    '',
    `published ${published}, failed ${failed}`,
    `expected ${expected}, delivered ${delivered}, lost ${lost}, doubled ${doubled}, out of order ${disordered}`,
    `p50 ${of(0.5)}, p95 ${of(0.95)}, p99 ${of(0.99)}, slowest ${of(1)}`,
    `last device p50 ${lastP50.toFixed(1)} ms, ${Math.round(deliveriesPerSecond)} deliveries/s`,
    ...(cpuMicros === undefined ? [] : [`server CPU ${Math.round(cpuMicros)} µs a delivery`]),
    ...(stormMs === undefined
      ? []
      : [`after the storm all had caught up within ${(stormMs / 1000).toFixed(1)} s`]),
    isClean(verdict) ? 'none lost, none doubled, all in order' : 'NOT CLEAN',
    '',
  ].join('\n');
}

function html(result: LoadResult): string {
  const bars = result.latencies.buckets().map(({ upToMs, count }) => ({
    label: '',
    bars: [{ name: `≤ ${upToMs.toFixed(1)} ms`, value: count }],
  }));
  const chart = barChart({ title: 'Publish to received', unit: 'deliveries', groups: bars });
  return `<!doctype html><meta charset="utf-8"><title>Load</title>${chart}<pre>${loadSummary(result)}</pre>\n`;
}

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      devices: { type: 'string', default: '2000' },
      'per-user': { type: 'string', default: '5' },
      topic: { type: 'boolean', default: false },
      rate: { type: 'string' },
      seconds: { type: 'string', default: '60' },
      'reconnect-storm': { type: 'boolean', default: false },
      url: { type: 'string' },
      'ws-url': { type: 'string' },
      report: { type: 'string', default: join(import.meta.dirname, 'load-report.html') },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  const { url, 'ws-url': wsUrl } = values;
  if ((url === undefined) !== (wsUrl === undefined)) throw new Error('--url and --ws-url go together');
  const stack = url === undefined ? await spawnStack(['--quiet']) : undefined;
  try {
    const options = {
      devices: positive(values.devices, 'devices'),
      perUser: positive(values['per-user'], 'per-user'),
      topic: values.topic,
      rate: positive(values.rate ?? (values.topic ? '1' : '200'), 'rate'),
      seconds: positive(values.seconds, 'seconds'),
      storm: values['reconnect-storm'],
      httpUrl: url ?? stack?.httpUrl ?? '',
      wsUrl: wsUrl ?? stack?.wsUrl ?? '',
      serverPid: stack?.pid,
    };
    const result = await runLoad(options, (line) => process.stderr.write(`\r\x1b[K${line}`));
    process.stdout.write(`\n${loadSummary(result)}`);
    writeFileSync(values.report, html(result));
    process.stdout.write(`report: ${values.report}\n`);
    if (!isClean(result.verdict) || result.failed > 0) process.exitCode = 1;
  } finally {
    await stack?.stop();
  }
}

function positive(text: string, name: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text))
    throw new Error(`--${name} is "${text}", expected a whole number above 0`);
  return Number(text);
}

if (import.meta.main) {
  await main(process.argv.slice(2)).catch((error: Error) => {
    process.stderr.write(`\n${error.message}\n`);
    process.exitCode = 1;
  });
}

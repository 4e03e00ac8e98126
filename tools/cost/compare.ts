/**
 * `npm run cost -- --compare`: what small, always-on deployments of what people would pick instead cost a month, beside ours. They
 * pay for hours, whoever is connected; we pay for what happens. Who operates them is on nobody's bill here.
 */
import { bill, DAYS, quantities, type Usage } from './bill.ts';
import { PRICES } from './prices.ts';

const HOURS = DAYS * 24;

/** Dollars an hour, on demand, list prices of us-east-1 from memory of what others publish: none could be confirmed by a program. */
const MACHINES = { 't4g.small': 0.0168, 't4g.medium': 0.0336, 'm7g.large': 0.0816 };
const CACHES = { 'cache.t4g.small': 0.032, 'cache.t4g.medium': 0.065, 'cache.m7g.large': 0.158 };
/** An Application Load Balancer, and for each 3,000 connections it holds. */
const BALANCER = { hour: 0.0225, unitHour: 0.008, connectionsPerUnit: 3000 };
/** A disk of 20 GB each. */
const DISK_MONTH = 20 * 0.08;

/** Connections that one machine holds with room to spare; what a machine of this kind is called. */
const STEPS = [
  { upTo: 2_000, machine: 't4g.small', cache: 'cache.t4g.small' },
  { upTo: 20_000, machine: 't4g.medium', cache: 'cache.t4g.medium' },
  { upTo: 50_000, machine: 'm7g.large', cache: 'cache.m7g.large' },
] as const;

interface Deployment {
  name: string;
  /** What is lost without a word when it is left at that. */
  lacks: string;
  /** Servers that clients connect to, brokers with disks, and caches; each at least so many. */
  servers?: number;
  brokers?: number;
  caches?: number;
}

const DEPLOYMENTS: Deployment[] = [
  {
    name: 'Spring and STOMP, relayed to RabbitMQ',
    lacks: 'a queue for each device is yours to make',
    servers: 2,
    brokers: 3,
  },
  { name: 'RabbitMQ, clients connected to it', lacks: 'who may do what is yours to build', brokers: 3 },
  { name: 'NATS JetStream', lacks: 'a consumer for each device is yours to make', brokers: 3 },
  {
    name: 'Socket.IO with Redis streams',
    lacks: 'forgets a device after minutes, and acknowledges nothing',
    servers: 2,
    caches: 2,
  },
  { name: 'Mosquitto', lacks: 'one machine: a failure stops it', brokers: 1 },
];

/** In dollars a month. Everybody is connected at the same time once a day: that many connections it must hold. */
function monthOf({ servers = 0, brokers = 0, caches = 0 }: Deployment, usage: Usage): number {
  const peak = usage.users * usage.devicesPerUser;
  const { upTo, machine, cache } = STEPS.find((step) => peak <= step.upTo) ?? STEPS[2];
  // One more than it takes, so that one may fail; where several are the least, they share the load.
  const needed = Math.ceil(peak / upTo);
  const count = (least: number) => (least <= 1 ? least * needed : Math.max(least, needed + 1));
  const machines = count(servers) + count(brokers);
  const balanced = servers + brokers > 1 ? balancer(peak) : 0;
  const transfer = quantities(usage).transfer * PRICES.transfer.usd;
  return (
    (machines * MACHINES[machine] + (caches && count(caches)) * CACHES[cache] + balanced) * HOURS +
    count(brokers) * DISK_MONTH +
    transfer
  );
}

const balancer = (connections: number): number =>
  BALANCER.hour + Math.ceil(connections / BALANCER.connectionsPerUnit) * BALANCER.unitHour;

/** Users. */
export const SIZES = [1_000, 10_000, 100_000];

interface Months {
  name: string;
  /** A month, for each of the sizes. */
  dollars: string[];
  note: string;
}

/** Ours first. */
export function months(usage: Usage): Months[] {
  const sizes = SIZES.map((users) => ({ ...usage, users }));
  const ours = sizes.map((size) => bill(size).reduce((sum, { usd }) => sum + usd, 0));
  return [
    { name: 'Herald', dollars: ours.map(dollars), note: 'nothing runs while nobody is connected' },
    ...DEPLOYMENTS.map((deployment) => ({
      name: deployment.name,
      dollars: sizes.map((size) => dollars(monthOf(deployment, size))),
      note: deployment.lacks,
    })),
  ];
}

export function comparison(usage: Usage): string {
  return [
    `Dollars a month in us-east-1, devices a user: ${usage.devicesPerUser}, connected ${usage.hours} hours a day, ${usage.notifications} notifications a day:`,
    row(
      '',
      SIZES.map((users) => `${users.toLocaleString('en-US')} users`),
      '',
    ),
    ...months(usage).map((one) => row(one.name, one.dollars, one.note)),
    'Theirs: machines for every connection at once and one to spare, three where a majority decides, disks, a load balancer, the same bytes out;',
    'on demand, unconfirmed list prices, without whoever operates them, and without the database that history, read marks and tokens need.',
    '',
  ].join('\n');
}

const row = (name: string, columns: string[], note: string): string =>
  `  ${name.padEnd(40)}${columns.map((column) => column.padStart(15)).join('')}   ${note}`.trimEnd();

const dollars = (usd: number): string => Math.round(usd).toLocaleString('en-US');

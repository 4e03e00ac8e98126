/** Writes the bill and the limits as text. */
import { acksOneByOne, bill, DAYS, happenings, logsOtherwise, type Usage } from './bill.ts';
import { NOT_INCLUDED, PRICES, PRICES_AS_OF, PRICES_REGION } from './prices.ts';
import { connectRates, POSTS_PER_SECOND, publishRates, type Rate } from './quotas.ts';

export const sheet = (usage: Usage): string =>
  [...usageLines(usage), '', ...billLines(usage), '', ...limitLines(usage), ''].join('\n');

const usageLines = (usage: Usage): string[] => [
  `${whole(usage.users)} users with ${plural(usage.devicesPerUser, 'device')} each, connected ${usage.hours} hours a day, ` +
    `${plural(usage.notifications, 'notification')} a day of ${whole(usage.bytes)} bytes,`,
  `${plural(usage.connects, 'connect')} a day and device, ack mode ${usage.ack}, ` +
    `${usage.pingMinutes === 0 ? 'no pings' : `a ping every ${usage.pingMinutes} minutes`}, published by ${DOORS[usage.door]}.`,
];

const DOORS = { http: 'HTTPS', bus: 'EventBridge', invoke: 'Invoke' };

function billLines(usage: Usage): string[] {
  const lines = bill(usage);
  const total = lines.reduce((sum, { usd }) => sum + usd, 0);
  const services = Map.groupBy(lines, ({ name }) => PRICES[name].service);
  const published = happenings(usage).publish;
  return [
    `A month of ${DAYS} days in ${PRICES_REGION}, in US dollars, list prices of ${PRICES_AS_OF} (* unconfirmed)`,
    ...[...services].flatMap(([service, its]) => [
      row(service, '', dollars(its.reduce((sum, { usd }) => sum + usd, 0))),
      ...its.map(({ name, quantity, usd }) => {
        const { item, unit, confirmed } = PRICES[name];
        return row(`  ${item}${confirmed ? '' : ' *'}`, `${amount(quantity)} ${unit}`, dollars(usd));
      }),
    ]),
    row('Total', '', dollars(total)),
    ...(published > 0
      ? [row('Per million notifications', '', dollars((total / published) * 1_000_000))]
      : []),
    ...Object.entries(logsOtherwise(usage)).map(([setting, gigabytes]) =>
      row(`Logs with -c ${setting} *`, `${amount(gigabytes)} GB`, dollars(gigabytes * PRICES.logs.usd)),
    ),
    ...ackLines(usage),
    `Not included: ${NOT_INCLUDED}.`,
  ];
}

/** Ack frames in a month, and how many it were if each message had one. */
function ackLines(usage: Usage): string[] {
  if (usage.ack !== 'client') return [];
  const [riding, apart] = [happenings(usage).ack, acksOneByOne(usage)];
  return [
    row('Ack frames: acks ride with pings', `${amount(riding)} frames`, ''),
    row('Ack frames, if each message had its own', `${amount(apart)} frames`, ''),
  ];
}

function limitLines(usage: Usage): string[] {
  const devices = usage.users * usage.devicesPerUser;
  const [connect, nextConnect] = connectRates();
  const online = usage.devicesPerUser * (usage.hours / 24);
  const [publish, nextPublish] = publishRates(usage.door, online);
  return [
    "What a new account's quotas allow",
    row('Connections per second', '', rate(connect)),
    row(`All ${whole(devices)} devices connect again in`, '', time(devices, connect)),
    row('Posts to connections per second, with all other requests', '', whole(POSTS_PER_SECOND)),
    row('Notifications per second, to different users', '', rate(publish)),
    row(`One notification to each of ${whole(usage.users)} users in`, '', time(usage.users, publish)),
    ...raise('for reconnects', connect, nextConnect),
    ...raise('for notifications', publish, nextPublish),
  ];
}

const raise = (what: string, first: Rate | undefined, next: Rate | undefined): string[] =>
  first && next
    ? [
        `Raise first, ${what}: ${first.name} (${rate(first)}/s; ${first.raise}); then ${next.name} (${rate(next)}/s).`,
      ]
    : [];

const row = (name: string, middle: string, value: string): string =>
  `  ${name.padEnd(60)}${middle.padStart(24)}${value.padStart(14)}`.trimEnd();

const dollars = (usd: number): string =>
  usd.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

const whole = (number: number): string => Math.round(number).toLocaleString('en-US');

const amount = (quantity: number): string =>
  quantity < 100 ? quantity.toLocaleString('en-US', { maximumFractionDigits: 2 }) : whole(quantity);

const plural = (number: number, noun: string): string =>
  `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`;

const rate = (one: Rate | undefined): string => whole(one?.perSecond ?? 0);

function time(count: number, one: Rate | undefined): string {
  const seconds = Math.ceil(count / (one?.perSecond ?? 1));
  return seconds < 120 ? `${seconds} s` : `${whole(Math.ceil(seconds / 60))} min`;
}

/** Reads the command line of `npm run cost`. */
import { parseArgs } from 'node:util';
import type { Usage } from './bill.ts';

export const HELP = `What a month costs, and what the quotas of an account allow: npm run cost -- [options]

  --users N            (default 1000)
  --hours N            a day that a device is connected, 0 to 24 (default 8)
  --notifications N    a day and user (default 20)
  --devices N          of a user (default 1)
  --bytes N            of a notification's data (default 500)
  --connects N         a day and device (default: one for each two hours, which is as long as a connection lasts)
  --ack auto|client    the clients' ack mode (default auto)
  --ping-minutes N     between the pings of an idle client; 0: none (default 9)
  --door http|bus|invoke  how notifications are published (default http)
  --compare            what others would cost at 1,000, 10,000 and 100,000 users, instead of the bill
  --help               print this
`;

const text = { type: 'string' } as const;
const OPTIONS = {
  users: text,
  hours: text,
  notifications: text,
  devices: text,
  bytes: text,
  connects: text,
  ack: text,
  'ping-minutes': text,
  door: text,
  compare: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

const ACKS = ['auto', 'client'] as const;
const DOORS = ['http', 'bus', 'invoke'] as const;
const MAX_CONNECTION_HOURS = 2;
const MAX_DATA_BYTES = 32_000;

export interface Asked extends Usage {
  /** Beside what others would cost. */
  compare: boolean;
}

/** Undefined: help is asked for. Throws an error of one line. */
export function parseOptions(args: string[]): Asked | undefined {
  const { values } = parseArgs({ args, options: OPTIONS, strict: true, allowPositionals: false });
  if (values.help) return undefined;
  const hours = number('--hours', values.hours, 8, 0, 24);
  return {
    users: integer('--users', values.users, 1000, 1, 1_000_000_000),
    devicesPerUser: number('--devices', values.devices, 1, 0.01, 100),
    hours,
    connects: number('--connects', values.connects, Math.ceil(hours / MAX_CONNECTION_HOURS), 0, 10_000),
    notifications: number('--notifications', values.notifications, 20, 0, 1_000_000),
    bytes: integer('--bytes', values.bytes, 500, 1, MAX_DATA_BYTES),
    ack: oneOf('--ack', values.ack, ACKS),
    pingMinutes: number('--ping-minutes', values['ping-minutes'], 9, 0, 1440),
    door: oneOf('--door', values.door, DOORS),
    compare: values.compare ?? false,
  };
}

function number(option: string, value: string | undefined, otherwise: number, min: number, max: number) {
  if (value === undefined) return otherwise;
  const given = Number(value);
  if (/^\d+(\.\d+)?$/.test(value) && given >= min && given <= max) return given;
  throw new Error(`${option} is "${value}", expected a number from ${min} to ${max}`);
}

function integer(option: string, value: string | undefined, otherwise: number, min: number, max: number) {
  if (value === undefined) return otherwise;
  const given = Number(value);
  if (/^\d+$/.test(value) && given >= min && given <= max) return given;
  throw new Error(`${option} is "${value}", expected an integer from ${min} to ${max}`);
}

/** The first is the default. */
function oneOf<T extends string>(
  option: string,
  value: string | undefined,
  choices: readonly [T, ...T[]],
): T {
  const found = choices.find((choice) => choice === (value ?? choices[0]));
  if (found !== undefined) return found;
  throw new Error(`${option} is "${value}", expected ${choices.join(' or ')}`);
}

/** The first lines of the README: where Herald is ahead, where it is behind, by how much, and what each costs a month. */

import { months, SIZES } from '../cost/compare.ts';
import { parseOptions } from '../cost/options.ts';
import type { Result, Row } from './result.ts';

/** Of the rows that have peers: those that say the most of what a user waits for, and an operator pays for; in fewer words. */
const TELLING: [row: RegExp, short: string][] = [
  [/^1 devices: .* last device p50$/, 'telling one device'],
  [/^(100|1000) devices: .* last device p50$/, 'telling $1 devices of a user'],
  [/^(\d+) users: .* last device p50$/, 'telling $1 users of a topic'],
  [/^1,000 messages of .* connect to the last$/, 'bringing a device 1,000 messages that it missed'],
  [/^(.*): sustained deliveries$/, 'deliveries a second to $1'],
  [/^(.*): server CPU per delivery$/, 'server CPU of a delivery to $1'],
];

/** What differs by less is told as the same. */
const SAME = 1.1;

/** Units of which more is better. */
const RATES = ['1/s'];

/** Lines of Markdown. */
export function summary(results: Result[]): string[] {
  const rows = results.flatMap((result) => result.rows);
  const told = rows.filter(({ what, peers }) => peers && TELLING.some(([telling]) => telling.test(what)));
  const peers = [...new Set(told.flatMap((row) => Object.keys(row.peers ?? {})))];
  return [...peers.map((peer) => against(peer, told)), ...onAws(rows), aMonth()];
}

function against(peer: string, rows: Row[]): string {
  const ahead: string[] = [];
  const behind: string[] = [];
  const even: string[] = [];
  for (const row of rows) {
    const theirs = row.peers?.[peer];
    if (theirs === undefined || !Number.isFinite(theirs) || !Number.isFinite(row.ours)) continue;
    const times = RATES.includes(row.unit) ? row.ours / theirs : theirs / row.ours;
    const unit = RATES.includes(row.unit) ? '' : ` ${row.unit}`;
    const tell = (more: string) =>
      `${shortOf(row)} (${shown(row.ours)}${unit}, theirs ${shown(theirs)}${more})`;
    if (times >= SAME) ahead.push(tell(`: ${factor(times)}`));
    else if (times <= 1 / SAME) behind.push(tell(`: ${factor(1 / times)}`));
    else even.push(tell(''));
  }
  const told = [
    ['ahead', ahead],
    ['level', even],
    ['behind', behind],
  ] as const;
  const parts = told.flatMap(([name, found]) =>
    found.length > 0 ? [`**${name}** in ${found.join(', ')}`] : [],
  );
  return `- Beside **${peer}** on this machine Herald is ${parts.join('; ')}.`;
}

function shortOf({ what }: Row): string {
  const [telling, short] = TELLING.find(([row]) => row.test(what)) ?? [what, what];
  return what.replace(telling, short);
}

/** By counted calls: the network between the services is none of ours, so no time can be told. */
function onAws(rows: Row[]): string[] {
  const value = (what: RegExp): string | undefined => {
    const row = rows.find((one) => what.test(one.what));
    return row && shown(row.ours);
  };
  const calls = value(/^the same when the head is known from before$/);
  const connect = value(/^ready and an empty replay, a known device: calls$/);
  const three = value(/^price of a million deliveries, three devices per publish$/);
  const topic = value(/^price of a million deliveries, topic/);
  const counted = [
    calls && `a publish reaches the first device ${calls} calls after it came in`,
    connect &&
      `a known device that connects and missed nothing takes ${connect} calls, those of its frames among them, to be caught up`,
    three && `a million deliveries cost $${three} at three devices a user`,
    topic && `$${topic} to a topic`,
  ].filter((part) => part !== undefined);
  if (counted.length === 0) return [];
  return [
    `- On **AWS**, by counted calls and list prices: ${counted.join(', ')}. A broker in one's own network answers in one hop: Herald cannot be faster there, and runs nothing when nobody is there.`,
  ];
}

function aMonth(): string {
  const usage = parseOptions([]);
  if (!usage) throw new Error('options that nobody gave ask for help');
  const costs = months(usage).map(({ name, dollars }) => `${name} ${dollars.join(', ')}`);
  const sizes = SIZES.map((users) => users.toLocaleString('en-US')).join(', ');
  return `- **A month** in dollars for ${sizes} users of one device, a small always-on deployment of each (assumptions: \`npm run cost -- --compare\`): ${costs.join('; ')}.`;
}

const factor = (times: number): string => `${times.toLocaleString('en', { maximumSignificantDigits: 2 })} ×`;

const shown = (value: number): string => value.toLocaleString('en', { maximumSignificantDigits: 3 });

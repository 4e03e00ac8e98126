/** What `npm run bench` prints and writes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { barChart } from './chart.ts';
import type { Result, Row } from './result.ts';
import { summary } from './summary.ts';

const LEGEND =
  'Floor: the least the platform costs. Naive: the usual way. Ratio: ours to naive, or to the peer of the goal, else to the floor.';

export interface Report {
  measuredAt: string;
  tookSeconds: number;
  machine: { cpu: string; memoryGb: number; node: string; loadAverage: number };
  results: Result[];
  failures: string[];
}

interface Column {
  name: string;
  cell: (row: Row) => string;
}

/** Peers have a column each, which says more than the one of them that is the naive way. */
function columnsOf(rows: Row[]): Column[] {
  const peers = new Set(rows.flatMap((row) => Object.keys(row.peers ?? {})));
  const has = (column: 'floor' | 'naive') => rows.some((row) => row[column] !== undefined);
  const theirs = [...peers].map((name) => ({ name, cell: (row: Row) => shown(row.peers?.[name]) }));
  const naive = { name: 'naive', cell: (row: Row) => shown(row.naive) };
  return [
    { name: 'what', cell: ({ what }) => what },
    { name: 'unit', cell: ({ unit }) => unit },
    { name: 'ours', cell: ({ ours }) => shown(ours) },
    ...(has('floor') ? [{ name: 'floor', cell: (row: Row) => shown(row.floor) }] : []),
    ...(peers.size > 0 ? theirs : has('naive') ? [naive] : []),
    ...(has('floor') || has('naive') ? [{ name: 'ratio', cell: ratio }] : []),
    { name: 'goal', cell: ({ goal }) => goal },
    { name: 'held', cell: ({ held }) => (held === undefined ? '' : held ? 'held' : 'NOT HELD') },
  ];
}

/** Ours to the naive way, else to the floor. */
function ratio({ ours, naive, floor }: Row): string {
  const against = naive ?? floor;
  return against === undefined || against === 0 ? '' : (ours / against).toFixed(2);
}

/** The names of the columns, then the rows. */
function grid(rows: Row[]): string[][] {
  const columns = columnsOf(rows);
  return [columns.map(({ name }) => name), ...rows.map((row) => columns.map(({ cell }) => cell(row)))];
}

function shown(value: number | undefined): string {
  if (value === undefined) return '';
  if (value === 0 || Number.isInteger(value)) return value.toLocaleString('en');
  return value.toLocaleString('en', { maximumSignificantDigits: 3 });
}

/** For the terminal. */
export function table({ results, failures, tookSeconds }: Report): string {
  const sections = results.flatMap(({ title, rows }) => [`── ${title}`, ...aligned(grid(rows)), '']);
  const failed = failures.map((failure) => `FAILED  ${failure}`);
  return `${[...sections, ...failed, `Took ${tookSeconds} s. ${LEGEND}`].join('\n')}\n`;
}

function aligned(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Writes the plots beside it. */
export function readme(report: Report, folder: string): string {
  const { machine, measuredAt, tookSeconds, results, failures } = report;
  return [
    '# What Herald costs, measured',
    '',
    ...summary(results),
    '',
    `Written by \`npm run bench\` on ${measuredAt.slice(0, 10)}: ${machine.cpu}, ${machine.memoryGb} GB, Node ${machine.node}, load average at the end ${machine.loadAverage.toFixed(1)}; it took ${tookSeconds} s.`,
    'Absolute figures move with the machine; what is compared was measured by turns in one run, so quote ratios.',
    LEGEND,
    '',
    ...results.flatMap((result) => section(result, folder)),
    ...(failures.length > 0 ? ['## Not measured', '', ...failures.map((failure) => `- ${failure}`), ''] : []),
  ].join('\n');
}

function section({ title, rows, plots = [], notes = [] }: Result, folder: string): string[] {
  const images = plots.map((plot) => {
    const name = `${plot.title.toLowerCase().replace(/[^a-z0-9]+/g, '-')}.svg`;
    writeFileSync(join(folder, name), barChart(plot));
    return `![${plot.title}](${name})`;
  });
  const [head = [], ...body] = grid(rows);
  return [
    `## ${title}`,
    '',
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...body.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    ...images.flatMap((image) => [image, '']),
    ...notes.flatMap((note) => [note, '']),
  ];
}

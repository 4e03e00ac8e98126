/** What `npm run bench` prints and writes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { barChart } from './chart.ts';
import type { Result, Row } from './result.ts';

export interface Report {
  measuredAt: string;
  tookSeconds: number;
  machine: { cpu: string; memoryGb: number; node: string; loadAverage: number };
  results: Result[];
  failures: string[];
}

const COLUMNS = ['what', 'unit', 'ours', 'floor', 'naive', 'ratio', 'goal', 'held'];

/** Ratio: ours to the naive way or the peer, else to the floor. */
function cells(row: Row): string[] {
  const against = row.naive ?? row.floor;
  return [
    row.what,
    row.unit,
    shown(row.ours),
    shown(row.floor),
    shown(row.naive),
    against === undefined || against === 0 ? '' : (row.ours / against).toFixed(2),
    row.goal,
    row.held === undefined ? '' : row.held ? 'held' : 'NOT HELD',
  ];
}

function shown(value: number | undefined): string {
  if (value === undefined) return '';
  if (value === 0 || Number.isInteger(value)) return value.toLocaleString('en');
  return value.toLocaleString('en', { maximumSignificantDigits: 3 });
}

/** For the terminal. */
export function table({ results, failures, tookSeconds }: Report): string {
  const rows = results.flatMap(({ title, rows }) => [[`── ${title}`], ...rows.map(cells)]);
  const all = [COLUMNS, ...rows];
  const widths = COLUMNS.map((_, column) =>
    Math.max(...all.map((row) => (row.length === 1 ? 0 : (row[column]?.length ?? 0)))),
  );
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(row.length === 1 ? 0 : (widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  const failed = failures.map((failure) => `FAILED  ${failure}`);
  return `${[...lines, '', ...failed, `Took ${tookSeconds} s. Naive: the usual way or the peer.`].join('\n')}\n`;
}

/** Writes the plots beside it. */
export function readme(report: Report, folder: string): string {
  const { machine, measuredAt, tookSeconds, results, failures } = report;
  return [
    '# What Herald costs, measured',
    '',
    `Written by \`npm run bench\` on ${measuredAt.slice(0, 10)}: ${machine.cpu}, ${machine.memoryGb} GB, Node ${machine.node}, load average at the end ${machine.loadAverage.toFixed(1)}; it took ${tookSeconds} s.`,
    'Absolute figures move with the machine; what is compared was measured by turns in one run, so quote ratios.',
    'Floor: the least the platform costs. Naive: the usual way, or the peer it is compared with. Ratio: ours to naive, else to the floor.',
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
  return [
    `## ${title}`,
    '',
    `| ${COLUMNS.join(' | ')} |`,
    `|${COLUMNS.map(() => '---').join('|')}|`,
    ...rows.map((row) => `| ${cells(row).join(' | ')} |`),
    '',
    ...images.flatMap((image) => [image, '']),
    ...notes.flatMap((note) => [note, '']),
  ];
}

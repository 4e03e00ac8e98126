/** What the command prints. */
import { cellOf, FAULTS, type Port } from './faults.ts';
import type { Tally } from './many.ts';
import type { Shrunk } from './shrink.ts';

const HOUR_MS = 3_600_000;
const ports = Object.keys(FAULTS) as Port[];

const number = (value: number): string => Math.round(value).toLocaleString('en');

export const summary = ({ seeds, steps, virtualMs, invocations, posts }: Tally): string =>
  `${number(seeds)} seeds, ${number(steps)} steps, ${number(virtualMs / HOUR_MS)} virtual hours, ` +
  `${number(invocations)} invocations, ${number(posts)} posts`;

/** Faults injected, kind by port. */
export function faultTable({ faults }: Tally): string {
  const lines = ports.flatMap((port) =>
    FAULTS[port].map((kind) => {
      const count = faults.get(cellOf(port, kind)) ?? 0;
      return `  ${port.padEnd(16)} ${kind.padEnd(26)} ${number(count).padStart(10)}`;
    }),
  );
  const zero = neverInjected(faults);
  return [
    'Faults injected',
    ...lines,
    `Never injected: ${zero.length === 0 ? 'none' : zero.join('; ')}`,
  ].join('\n');
}

export const neverInjected = (faults: Map<string, number>): string[] =>
  ports.flatMap((port) =>
    FAULTS[port].filter((kind) => !faults.get(cellOf(port, kind))).map((kind) => `${port}: ${kind}`),
  );

export function shrunkStory({ plan, report }: Shrunk): string {
  const { violation } = report;
  return [
    `${violation?.guarantee}: ${violation?.detail}`,
    `${plan.operations.length} operations:`,
    ...plan.operations.map(
      ({ at, act }) => `  ${(at / 1000).toFixed(3).padStart(12)} s  ${JSON.stringify(act)}`,
    ),
    `${report.injected.length} faults:`,
    ...report.injected.map(({ at, what }) => `  ${(at / 1000).toFixed(3).padStart(12)} s  ${what}`),
  ].join('\n');
}

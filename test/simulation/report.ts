/** What the command prints. */
import { CHECKS, isCheck, promiseOf } from './checks/guarantees.ts';
import { PLACES } from './checks/places.ts';
import { cellOf, FAULTS, type Port } from './faults.ts';
import type { Tally } from './many.ts';
import type { Shrunk } from './shrink.ts';
import type { Catch } from './zoo/zoo.ts';

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

/** Places that are hard to come to, and how often a run came there. */
export const placeTable = ({ places }: Tally): string =>
  [
    'Places reached',
    ...PLACES.map((place) => `  ${place.padEnd(60)} ${number(places.get(place) ?? 0).padStart(10)}`),
  ].join('\n');

export const neverReached = (places: Map<string, number>): string[] =>
  PLACES.filter((place) => !places.get(place));

/** Each promise, the checks that a mutant broke, and these mutants. */
export function promiseTable(catches: Catch[]): string {
  const lines = Object.entries(CHECKS).flatMap(([promise, checks]) => {
    const dead = catches.filter(({ guarantee }) => guarantee && promiseOf(guarantee) === Number(promise));
    const title = promise === '0' ? 'and besides' : `promise ${promise}`;
    const unbroken = checks.filter((check) => !dead.some(({ guarantee = '' }) => isCheck(check, guarantee)));
    return [
      `${title}: ${dead.length} mutants`,
      ...dead.map(({ mutant, guarantee }) => `  ${mutant.name.padEnd(62)} ${guarantee}`),
      ...(unbroken.length > 0 ? [`  no mutant dies by: ${unbroken.join('; ')}`] : []),
    ];
  });
  return ['The promises of docs/guarantees.md and what dies by them', ...lines].join('\n');
}

/** Promises that no caught mutant breaks: nothing shows that their checks are worth anything. */
export function promisesWithoutMutants(catches: Catch[]): string[] {
  const broken = new Set(catches.map(({ guarantee }) => guarantee && promiseOf(guarantee)));
  return Object.keys(CHECKS).filter((promise) => !broken.has(Number(promise)));
}

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

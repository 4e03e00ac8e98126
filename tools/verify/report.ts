/** Says of each guarantee whether it held, and how long things took. */
import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node';

const MARKS = {
  passed: styleText('green', 'held      '),
  failed: styleText('red', 'NOT HELD  '),
  skipped: styleText('yellow', 'not tested'),
  pending: styleText('yellow', 'not tested'),
};

export class Report implements Reporter {
  readonly #out: Writable;
  readonly #count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
  readonly #measured: string[] = [];
  #broken = 0;

  constructor(out: Writable) {
    this.#out = out;
  }

  /** Whether all that was tested held. */
  get holds(): boolean {
    return this.#count.failed + this.#broken === 0 && this.#count.passed > 0;
  }

  onTestCaseResult(test: TestCase): void {
    const { state, errors } = test.result();
    this.#count[state] += 1;
    this.#say(`  ${MARKS[state]}  ${test.fullName.replaceAll(' > ', ' ')}`);
    for (const error of errors ?? []) this.#complain(error.message);
    for (const [name, times] of Object.entries(test.meta().measuredMs ?? {})) {
      this.#measured.push(measurement(name, times));
    }
  }

  onTestSuiteResult(suite: TestSuite): void {
    this.#fail(suite);
  }

  onTestModuleEnd(module: TestModule): void {
    this.#fail(module);
  }

  /** Errors that belong to no test. */
  onTestRunEnd(_modules: unknown, unhandled: ReadonlyArray<{ message: string }>): void {
    for (const { message } of unhandled) this.#break(message);
    const { passed, failed, skipped, pending } = this.#count;
    this.#say(`\n${this.#measured.join('\n')}\n`);
    this.#say(`${passed} held, ${failed} not held, ${skipped + pending} not tested.`);
  }

  #fail(part: TestSuite | TestModule): void {
    for (const { message } of part.errors()) this.#break(message);
  }

  #break(message: string): void {
    this.#broken += 1;
    this.#say(`  ${MARKS.failed}  the test itself`);
    this.#complain(message);
  }

  #complain(message: string): void {
    const [first = '', ...others] = message.split('\n');
    this.#say([first, ...others.slice(0, 10)].map((line) => `              ${line}`).join('\n'));
  }

  #say(text: string): void {
    this.#out.write(`${text}\n`);
  }
}

function measurement(name: string, times: number[]): string {
  const milliseconds = (share: number) => `${Math.round(quantile(times, share))} ms`.padStart(8);
  return `  ${name.padEnd(22)}  p50 ${milliseconds(0.5)}   p99 ${milliseconds(0.99)}   (${times.length} times)`;
}

/** The smallest time that so large a share of them does not exceed. */
export function quantile(times: number[], share: number): number {
  const sorted = times.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** When the application is to be told that nobody has answered a message. */
import { type FieldError, firstFew, unknownNames } from './errors.ts';
import { isRecord } from './json.ts';
import { MAX_ESCALATE_SECONDS, MIN_ESCALATE_SECONDS } from './limits.ts';

/** `acked`: by any device but the origin. `read`: the user's read state has it. */
export const ANSWERS = ['acked', 'read'] as const;
export type Answer = (typeof ANSWERS)[number];

export interface Escalate {
  /** How long after it was stored. */
  afterSeconds: number;
  unless: Answer;
}

const FIELDS = ['afterSeconds', 'unless'];
export const ESCALATE_SECONDS_RULE = `an integer from ${MIN_ESCALATE_SECONDS} to ${MAX_ESCALATE_SECONDS}`;
export const ANSWER_RULE = ANSWERS.map((answer) => `"${answer}"`).join(' or ');

export const isEscalateSeconds = (value: unknown): boolean =>
  Number.isInteger(value) &&
  (value as number) >= MIN_ESCALATE_SECONDS &&
  (value as number) <= MAX_ESCALATE_SECONDS;

export const isAnswer = (value: unknown): value is Answer => ANSWERS.some((answer) => answer === value);

export function faultsOfEscalate(value: unknown): FieldError[] {
  if (value === undefined) return [];
  if (!isRecord(value)) return [{ path: 'escalate', message: 'expected {"afterSeconds": …, "unless": …}' }];
  const errors = firstFew('escalate', unknownNames('field', Object.keys(value), FIELDS, 'escalate.'));
  const { afterSeconds, unless } = value;
  if (!isEscalateSeconds(afterSeconds))
    errors.push({ path: 'escalate.afterSeconds', message: `expected ${ESCALATE_SECONDS_RULE}` });
  if (unless !== undefined && !isAnswer(unless))
    errors.push({ path: 'escalate.unless', message: `expected ${ANSWER_RULE}` });
  return errors;
}

/** Of a value without faults. */
export function escalateOf(value: unknown): Escalate | undefined {
  if (value === undefined) return undefined;
  const { afterSeconds, unless = 'acked' } = value as Partial<Escalate> & Pick<Escalate, 'afterSeconds'>;
  return { afterSeconds, unless };
}

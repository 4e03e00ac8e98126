/** What a user says has been read, or is unread again: in frames of clients and in requests. */
import { type FieldError, unknownNames } from './errors.ts';
import { isRecord } from './json.ts';
import { MAX_MARKS } from './limits.ts';

/** `through`: all up to this seq is read. `seqs`: these are. `unread`: these are not, any more. */
export type Mark = { through: number } | { seqs: number[] } | { unread: number[] };

const FORMS = ['through', 'seqs', 'unread'] as const;
type Form = (typeof FORMS)[number];

/** A mark, or what is wrong with the fields. `others`: names of fields that are not the mark's. */
export function parseMark(fields: Record<string, unknown>): Mark | FieldError {
  const named = FORMS.filter((form) => fields[form] !== undefined);
  const [form] = named;
  if (form === undefined || named.length > 1)
    return { path: form ?? '', message: `expected exactly one of ${FORMS.join(', ')}` };
  return form === 'through' ? parseThrough(fields.through) : parseSeqs(form, fields[form]);
}

/** The mark that is a whole JSON value, or what is wrong with it. */
export function parseWholeMark(value: unknown): Mark | FieldError[] {
  if (!isRecord(value))
    return [{ path: '', message: 'expected {"through": …}, {"seqs": […]} or {"unread": […]}' }];
  const unknown = unknownNames('field', Object.keys(value), FORMS);
  if (unknown.length > 0) return unknown;
  const mark = parseMark(value);
  return 'message' in mark ? [mark] : mark;
}

function parseThrough(value: unknown): Mark | FieldError {
  if (isSeq(value) || value === 0) return { through: value };
  return { path: 'through', message: 'expected an integer, 0 or more' };
}

function parseSeqs(form: Exclude<Form, 'through'>, list: unknown): Mark | FieldError {
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_MARKS)
    return { path: form, message: `expected a list of 1 to ${MAX_MARKS} seqs` };
  const wrong = list.findIndex((seq) => !isSeq(seq));
  if (wrong >= 0) return { path: `${form}[${wrong}]`, message: 'expected an integer, 1 or more' };
  return form === 'seqs' ? { seqs: list } : { unread: list };
}

const isSeq = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 1;

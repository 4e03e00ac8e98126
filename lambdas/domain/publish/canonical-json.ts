/** One text for one JSON value, whatever the order of its members (after RFC 8785). */

/** What TypeScript's library does not know yet: https://tc39.es/proposal-json-parse-with-source/ */
const { isRawJSON, rawJSON } = JSON as unknown as {
  isRawJSON(value: unknown): boolean;
  rawJSON(text: string): object;
};

type Reviver = (name: string, value: unknown) => unknown;

export const canonicalJson = (value: unknown): string => JSON.stringify(value, sortMembers);

const sortMembers = (_name: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawJSON(value)
    ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
    : value;

/**
 * Up to 15 digits without an exponent are a double as they stand, so most texts need no look at
 * each number.
 */
const MAYBE_INEXACT = /\d[\d.]{15}|\d[eE]/;

/**
 * As `JSON.parse`, but a number that no double equals stays as it was written:
 * {@link canonicalJson} tells 9007199254740993 from 9007199254740992, which are one number to
 * JavaScript.
 */
export const parseExactly = (text: string): unknown =>
  JSON.parse(text, MAYBE_INEXACT.test(text) ? (keepInexact as Reviver) : undefined);

const keepInexact = (_name: string, value: unknown, { source }: { source: string }): unknown =>
  typeof value === 'number' && decimalOf(source) !== decimalOf(String(value)) ? rawJSON(source) : value;

/** The value of a number: `100`, `1e2` and `100.0` are one. */
function decimalOf(number: string): string {
  const [mantissa = '', exponent = '0'] = number.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = withoutFinalZeros(digits);
  if (significant === '') return '0';
  const power = Number(exponent) - fraction.length + digits.length - significant.length;
  return `${mantissa.startsWith('-') ? '-' : ''}${significant}e${power}`;
}

/** Not by `/0+$/`: it takes quadratic time for a long run of zeros that is not at the end. */
function withoutFinalZeros(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === '0') end--;
  return digits.slice(0, end);
}

/** Ids and instants in the forms API Gateway gives them. */
import { randomBytes } from 'node:crypto';

/** 16 characters of the URL-safe base64 alphabet, the last a `=`: it must be escaped in a path, as on AWS. */
export const newGatewayId = (): string =>
  randomBytes(11).toString('base64').replaceAll('+', '-').replaceAll('/', '_');

export const isGatewayId = (text: string): boolean => /^[A-Za-z0-9_-]{15}=$/.test(text);

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** As in `29/Nov/2026:08:04:01 +0000`. */
export function requestTime(epochMs: number): string {
  const [date = '', time = ''] = new Date(epochMs).toISOString().split('T');
  const [year, month, day] = date.split('-');
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time.slice(0, 8)} +0000`;
}

/** Hands on what a Lambda writes, line by line. */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export function eachLine(output: Readable | null, told: (line: string) => void): void {
  if (output) createInterface({ input: output, crlfDelay: Number.POSITIVE_INFINITY }).on('line', told);
}

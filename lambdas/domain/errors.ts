/**
 * The faults that the domain tells apart, and how anything thrown becomes an error that can be
 * logged.
 */

/** The store cannot take more for the moment; the same call may succeed later. */
export class Busy extends Error {
  override readonly name = 'Busy';
}

/** The client or the account took no more for as long as we could wait. */
export class Undeliverable extends Error {
  override readonly name = 'Undeliverable';
}

export const asError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(String(thrown));

/** Time, and what is new or random. */

export interface Clock {
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

export interface Ids {
  /** A new UUIDv7. */
  next(): string;
  /** From 0 up to 1, for jitter. */
  random(): number;
}

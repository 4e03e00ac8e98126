/** Lines of the log, and values of metrics. */

/** What the person on call reads. Fields are scalars; no token, no `data` of a message. */
export interface Logger {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /**
   * Adds to metrics: one value of each, or as many as were measured. A name ends in its unit, if it
   * has a unit, as in `postMs`. With a message, the same line is a line of the log, too.
   */
  metrics(values: Metrics, message?: string, fields?: LogFields): void;
}

export type Metrics = Record<string, number | readonly number[]>;

export type LogFields = Record<string, string | number | boolean | undefined | Error>;

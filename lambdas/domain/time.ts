/** Instants that rows lapse at. */

/** Rows lapse on whole seconds, never early. */
export const wholeSeconds = (instant: number): number => Math.ceil(instant / 1000) * 1000;

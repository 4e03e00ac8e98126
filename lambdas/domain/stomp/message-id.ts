/**
 * What a STOMP client acknowledges: a seq and the epoch that it counts in, which no other channel
 * has. In letters that every client hands back as they were, without a colon: some cut there.
 */
import type { Position } from '../model.ts';

export const messageIdOf = ({ epoch, seq }: Position): string => `${seq}.${epoch}`;

/** Undefined: none of ours. */
export function messageIn(id: string | undefined): Position | undefined {
  const [, seq, epoch] = /^(\d{1,15})\.([^.]+)$/.exec(id ?? '') ?? [];
  return epoch === undefined ? undefined : { epoch, seq: Number(seq) };
}

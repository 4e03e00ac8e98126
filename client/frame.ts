/**
 * Reads the server's frames and refuses what cannot be: a wrong number that is believed would lose
 * messages.
 */
import type { ServerFrame } from '../lambdas/protocol/frames.ts';
import { HeraldError } from './types.ts';

/** The fields that positions are made of. */
const COUNTS = new Map([
  ['ready', ['head', 'cursor']],
  ['message', ['seq']],
  ['replay', ['after', 'through', 'expired']],
  ['pong', ['head']],
]);

/**
 * Undefined: no frame of ours; API Gateway has some of its own. Throws a HeraldError for a frame
 * with a wrong field.
 */
export function parseFrame(text: string): ServerFrame | undefined {
  const frame = parsed(text) as ServerFrame | null;
  if (typeof frame?.event !== 'string') return undefined;
  const field = wrongField(frame);
  if (field) throw new HeraldError('server', `bad frame: ${field} of ${frame.event}`);
  return frame;
}

/** Undefined for what is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function wrongField(frame: ServerFrame): string | undefined {
  const fields = frame as unknown as Record<string, unknown>;
  const counts = COUNTS.get(frame.event);
  const wrong = counts?.find((name) => !isCount(fields[name]));
  if (wrong || frame.event !== 'replay') return wrong;
  const { messages, after, through } = frame;
  const areMessages = Array.isArray(messages) && messages.every((message) => isCount(message?.seq));
  return areMessages && after <= through ? undefined : 'messages';
}

/** A seq, or how many there are of something. */
export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

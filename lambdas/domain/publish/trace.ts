/** Which messages are traced: a line in the log for the publish, and one for each connection. */
import type { Settings } from '../settings.ts';

/**
 * Whether the lines of a message are logged: all of them, or none. The publisher may ask for them;
 * else a share of all messages is sampled. The share goes by the message's id, so that all Lambdas
 * decide alike, also for a repeated request.
 */
export const isTraced = (
  { settings }: { settings: Pick<Settings, 'logSampling'> },
  id: string,
  asked: boolean,
): boolean => asked || percentileOf(id) < settings.logSampling;

/** From 0 up to 100, spread evenly over ids: their 32-bit FNV-1a hash. */
function percentileOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  return ((hash >>> 0) / 2 ** 32) * 100;
}

/** What a token lets its user do: the patterns of channels in its claim. */
import { CHANNEL_RULE, type Channel, isTopic, parseChannel, TOPIC_RULE } from './channel.ts';
import { isRecord } from './json.ts';
import { MAX_PERMISSIONS_BYTES, utf8Bytes } from './limits.ts';

/**
 * Patterns of channels' names: a channel, or the beginning of one and a `*` at the end, as in
 * `topic:orders.*`.
 */
export interface Permissions {
  /** Topics that the user may subscribe to. */
  subscribe: readonly string[];
  /** Channels that the user may publish to. */
  publish: readonly string[];
}

export const NO_PERMISSIONS: Permissions = { subscribe: [], publish: [] };

const FIELDS = ['subscribe', 'publish'] as const;

/** The claim is not of the form that {@link parsePermissions} reads. The message says where. */
export class PermissionsError extends Error {
  override readonly name = 'PermissionsError';
}

/** Throws a {@link PermissionsError}. `claim`: undefined if the token has none. */
export function parsePermissions(claim: unknown): Permissions {
  if (claim === undefined) return NO_PERMISSIONS;
  if (!isRecord(claim)) throw new PermissionsError('expected {"subscribe": […], "publish": […]}');
  if (utf8Bytes(JSON.stringify(claim)) > MAX_PERMISSIONS_BYTES)
    throw new PermissionsError(`expected at most ${MAX_PERMISSIONS_BYTES} bytes as JSON`);
  const unknown = Object.keys(claim).find((name) => !FIELDS.some((field) => field === name));
  if (unknown !== undefined)
    throw new PermissionsError(
      `${unknown.slice(0, 100)}: unknown field, expected one of ${FIELDS.join(', ')}`,
    );
  return { subscribe: patterns(claim, 'subscribe'), publish: patterns(claim, 'publish') };
}

function patterns(claim: Record<string, unknown>, field: (typeof FIELDS)[number]): readonly string[] {
  const { [field]: list = [] } = claim;
  if (!Array.isArray(list)) throw new PermissionsError(`${field}: expected a list of patterns`);
  const wrong = list.findIndex((pattern) => !isPattern(pattern));
  if (wrong >= 0)
    throw new PermissionsError(`${field}[${wrong}]: expected ${CHANNEL_RULE}, or a beginning of one and *`);
  return list as string[];
}

/** A `*` anywhere but at the end is no pattern. */
function isPattern(pattern: unknown): pattern is string {
  if (typeof pattern !== 'string') return false;
  if (!pattern.endsWith('*')) return parseChannel(pattern) !== undefined;
  const beginning = pattern.slice(0, -1);
  return beginning.isWellFormed() && !/[*\p{Cc}]/u.test(beginning);
}

/** What an operator opens to every user. */
export const TOPIC_PATTERN_RULE = `a topic, or the beginning of one and *: ${TOPIC_RULE}`;
export const isTopicPattern = (value: unknown): value is string =>
  typeof value === 'string' && (value === '*' || isTopic(value.replace(/\*$/, '')));

export const allows = (granted: readonly string[], { name }: Channel): boolean =>
  granted.some((pattern) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );

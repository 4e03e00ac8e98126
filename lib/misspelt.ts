/** Tells a setting that somebody misspelt from a name that is meant for something else, such as a feature flag of CDK. */
import { SETTINGS } from './context-settings.ts';
import { InvalidSetting } from './settings.ts';

const NAMES: string[] = SETTINGS.flatMap(({ names }) => [...names]);

/** Of CDK and its plugins: `@aws-cdk/core:…`, `aws:cdk:…`, `availability-zones:account=…`. */
const IS_ANOTHERS = /[:@/]/;

/** `eventBus` for `eventBusName`, `retentionSeconds` for `defaultRetentionSeconds`; a shorter part may be a word of its own. */
const MIN_PART = 8;

/** Throws an {@link InvalidSetting} for a name in the context that is nearly that of a setting: it would be ignored. */
export function refuseMisspelt(names: readonly string[]): void {
  const unknown = names.filter((given) => !NAMES.includes(given) && !IS_ANOTHERS.test(given));
  for (const name of unknown) {
    const meant =
      NAMES.find((setting) => isPart(name, setting)) ?? NAMES.find((setting) => isMisspelt(name, setting));
    if (meant !== undefined) throw new InvalidSetting(`${name} is no setting: did you mean ${meant}?`);
  }
}

function isPart(name: string, setting: string): boolean {
  const given = plain(name);
  const right = plain(setting);
  return given.length >= MIN_PART && (right.startsWith(given) || right.endsWith(given));
}

function isMisspelt(name: string, setting: string): boolean {
  const [given, right] = [plain(name), plain(setting)];
  return editDistance(given, right) <= Math.max(2, Math.floor(right.length / 5));
}

/** `MAX_CONNECTIONS_PER_USER` and `max-connections-per-user` are the same words. */
const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_.]/g, '');

/** How many letters must be put in, taken out or replaced to make one word of the other (Levenshtein). */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [index, letter] of [...one].entries()) {
    const next = [index + 1];
    for (let at = 1; at <= other.length; at++) {
      const replaced = (row[at - 1] ?? 0) + (letter === other[at - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[at] ?? 0) + 1, (next[at - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}

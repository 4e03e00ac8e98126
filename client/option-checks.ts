/** Refuses options that cannot be, with the option's name. */
import { isName } from './storage.ts';

/** Throws a TypeError for what is no name. */
export function checkName(option: string, name: unknown): void {
  if (!isName(name)) throw new TypeError(`${option}: expected 1 to 128 of A-Z a-z 0-9 . _ : -`);
}

/** Throws a TypeError for what cannot be called. */
export function checkListener(listener: unknown): void {
  if (typeof listener !== 'function') throw new TypeError('listener: expected a function');
}

/** The URL as the platform writes it. Throws a TypeError for what is no WebSocket's URL. */
export function webSocketUrl(text: string): string {
  const url = orNone(() => new URL(text));
  if (url && /^wss?:$/.test(url.protocol)) {
    // With a fragment no WebSocket opens.
    url.hash = '';
    return url.href;
  }
  throw new TypeError(`url: expected ws:// or wss://, got ${url ? url.protocol : 'no URL'}`);
}

/** Undefined if it throws. */
export function orNone<Thing>(make: () => Thing): Thing | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

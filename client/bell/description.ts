/** What the bell shows of a message. */
import type { BellMessage } from './bell-inbox.ts';

/** All of it is shown as text, never as markup. */
export interface Description {
  title: string;
  text?: string | undefined;
  /** Where a click leads. Only `http`, `https` and the page's own scheme; others are left out. */
  href?: string | undefined;
}

/** Takes a message of any registry: a method's parameter may be narrower than declared. */
export type Describe = { describe(message: BellMessage): Description }['describe'];

/** `title` and `text` of the data, as far as these are texts; else the message's type. */
export function defaultDescription({ type, data }: BellMessage): Description {
  const { title, text } = (data ?? {}) as { title?: unknown; text?: unknown };
  const isText = typeof text === 'string' && text !== '';
  if (typeof title === 'string' && title !== '') return { title, text: isText ? text : undefined };
  return { title: isText ? text : type };
}

/** Undefined: it leads nowhere, or would run a script. */
export function safeUrl(href: string | undefined, page: string): string | undefined {
  if (href === undefined || !URL.canParse(href, page)) return undefined;
  const { protocol } = new URL(href, page);
  return ['http:', 'https:', new URL(page).protocol].includes(protocol) ? href : undefined;
}

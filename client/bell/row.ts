/** One message in the list of the bell. Its elements stay when it changes, so the focus does. */
import type { BellItem } from './bell-inbox.ts';
import { type Describe, type Description, defaultDescription, safeUrl } from './description.ts';
import type { BellLabels } from './labels.ts';
import { make, makeButton } from './make.ts';

/** How messages are shown. */
export interface Wording {
  labels: BellLabels;
  describe: Describe;
  /** Of dates: a language, or undefined for the browser's. */
  language: string | undefined;
}

/** What a click does. `event`: of the click on a message. */
export interface RowHost {
  opened(item: BellItem, event: MouseEvent): void;
  toggled(item: BellItem): void;
}

export class Row {
  readonly element = make('li', {});
  item: BellItem;
  readonly #host: RowHost;
  /** What opens the message: a link if it leads somewhere, else a button. */
  #main: HTMLElement | undefined;
  readonly #mark: HTMLButtonElement;
  readonly #unread = make('span', { class: 'said' });
  readonly #title = make('span', { part: 'item-title' });
  readonly #text = make('span', { part: 'item-text' });
  readonly #time = make('time', { part: 'time' });

  constructor(item: BellItem, host: RowHost) {
    this.item = item;
    this.#host = host;
    this.#mark = makeButton('mark', () => host.toggled(this.item));
    this.#mark.append(make('span', { class: 'dot', 'aria-hidden': 'true' }));
  }

  update(item: BellItem, { labels, describe, language }: Wording): void {
    this.item = item;
    const { title, text = '', href } = described(item, describe);
    this.#lead(safeUrl(href === undefined ? undefined : String(href), document.baseURI));
    this.element.setAttribute('part', item.read ? 'item' : 'item unread');
    this.#unread.textContent = item.read ? '' : `${labels.unread}: `;
    this.#title.textContent = String(title);
    this.#text.textContent = String(text);
    this.#text.hidden = text === '';
    this.#showTime(item.sentAt, language);
    this.#mark.ariaLabel = `${item.read ? labels.markUnread : labels.markRead}: ${title}`;
    this.#mark.title = item.read ? labels.markUnread : labels.markRead;
  }

  #lead(href: string | undefined): void {
    const isLink = href !== undefined;
    if (this.#main?.localName !== (isLink ? 'a' : 'button')) {
      this.#main = isLink ? make('a') : make('button', { type: 'button' });
      this.#main.setAttribute('part', 'open');
      this.#main.addEventListener('click', (event) => this.#host.opened(this.item, event));
      this.#main.append(this.#unread, this.#title, this.#text, this.#time);
      this.element.replaceChildren(this.#main, this.#mark);
    }
    if (isLink) this.#main.setAttribute('href', href);
  }

  #showTime(sentAt: number, language: string | undefined): void {
    const date = new Date(sentAt);
    if (Number.isNaN(date.getTime())) return;
    this.#time.dateTime = date.toISOString();
    this.#time.textContent = timeText(date, language);
  }
}

/** A page's function that fails must not leave the message out. */
function described(item: BellItem, describe: Describe): Description {
  try {
    return describe(item);
  } catch (error) {
    reportError(error);
    return defaultDescription(item);
  }
}

function timeText(date: Date, language: string | undefined): string {
  const style = { dateStyle: 'medium', timeStyle: 'short' } as const;
  try {
    return date.toLocaleString(language, style);
  } catch {
    // The page names a language that is none.
    return date.toLocaleString(undefined, style);
  }
}

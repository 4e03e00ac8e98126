/** What opens below the bell: the list of messages, and what can be done with all of them. */
import type { BellInbox, BellItem } from './bell-inbox.ts';
import { enable, make, makeButton } from './make.ts';
import { Row, type RowHost, type Wording } from './row.ts';

/** Which message an arrow leads to. `at`: of the current one, -1 if there is none. */
const STEPS: Record<string, (at: number, last: number) => number> = {
  ArrowDown: (at, last) => Math.min(at + 1, last),
  ArrowUp: (at) => Math.max(at - 1, 0),
  Home: () => 0,
  End: (_at, last) => last,
};

export class Panel {
  readonly element: HTMLElement;
  readonly #title = make('h2', { part: 'title', id: 'title' });
  readonly #markAll = makeButton('mark-all', () => this.#inbox?.markAllRead());
  readonly #list = make('ul', { part: 'list', role: 'list' });
  readonly #empty = make('p', { part: 'empty' });
  readonly #more = makeButton('more', () => void this.#loadMore());
  readonly #failed = make('p', { part: 'failed', role: 'alert' });
  readonly #host: RowHost;
  readonly #rows = new Map<string, Row>();
  #inbox: BellInbox | undefined;
  #wording: Wording | undefined;
  #isLoading = false;

  constructor(host: RowHost) {
    this.#host = host;
    const header = make('div', { part: 'header' }, this.#title, this.#markAll);
    const popup = { popover: 'auto', role: 'dialog', 'aria-labelledby': 'title' };
    const focus = { tabindex: '-1', autofocus: '' };
    const parts = [header, this.#list, this.#empty, this.#more, this.#failed];
    this.element = make('div', { part: 'panel', ...popup, ...focus }, ...parts);
    this.element.addEventListener('keydown', (event) => this.#move(event));
    this.element.addEventListener('focusout', ({ relatedTarget }) => {
      if (relatedTarget && !this.#root.contains(relatedTarget as Node)) this.element.hidePopover();
    });
  }

  get isOpen(): boolean {
    return this.element.matches(':popover-open');
  }

  get hasFocus(): boolean {
    return this.element.contains(this.#root.activeElement);
  }

  /** Undefined: there is no inbox yet. */
  update(inbox: BellInbox | undefined, wording: Wording): void {
    const { labels } = wording;
    if (inbox !== this.#inbox) this.#failed.textContent = '';
    this.#inbox = inbox;
    this.#wording = wording;
    this.#title.textContent = labels.title;
    this.#markAll.textContent = labels.markAllRead;
    enable(this.#markAll, (inbox?.unread ?? 0) > 0);
    this.#showItems(inbox?.items ?? [], wording);
    this.#empty.textContent = labels.empty;
    this.#empty.hidden = this.#rows.size > 0;
    this.#showMore();
  }

  /** What is still there is neither made again nor moved, so that it keeps the focus. */
  #showItems(items: readonly BellItem[], wording: Wording): void {
    const focused = this.#focusedAt();
    const keys = new Set(items.map(keyOf));
    for (const [key, { element }] of this.#rows) {
      if (keys.has(key)) continue;
      this.#rows.delete(key);
      element.remove();
    }
    let next = this.#list.firstElementChild;
    for (const item of items) {
      const row = this.#rows.get(keyOf(item)) ?? new Row(item, this.#host);
      this.#rows.set(keyOf(item), row);
      row.update(item, wording);
      if (row.element === next) next = next.nextElementSibling;
      else this.#list.insertBefore(row.element, next);
    }
    if (focused >= 0 && this.#focusedAt() < 0) this.#focus(focused);
  }

  #showMore(): void {
    const { labels } = this.#wording as Wording;
    this.#more.textContent = this.#isLoading ? labels.loading : labels.loadMore;
    enable(this.#more, !this.#isLoading);
    this.#more.hidden = !this.#inbox?.hasMore && !this.#isLoading;
  }

  /** Who is at the button goes on with the first message that has come. */
  async #loadMore(): Promise<void> {
    const inbox = this.#inbox;
    const before = this.#rows.size;
    this.#isLoading = true;
    this.#failed.textContent = '';
    this.#showMore();
    try {
      await inbox?.loadMore();
    } catch {
      this.#failed.textContent = this.#wording?.labels.failed ?? '';
    }
    this.#isLoading = false;
    const isAtButton = this.#root.activeElement === this.#more;
    if (this.#wording) this.update(this.#inbox, this.#wording);
    if (isAtButton && this.#rows.size > before) this.#focus(before);
  }

  /** Arrows, Home and End go from message to message. */
  #move(event: KeyboardEvent): void {
    const step = STEPS[event.key];
    if (!step || this.#rows.size === 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.#focus(step(this.#focusedAt(), this.#rows.size - 1));
  }

  /** To the message at this place, or the last one. */
  #focus(at: number): void {
    const elements = [...this.#list.children];
    const target = elements[Math.min(at, elements.length - 1)]?.querySelector<HTMLElement>('[part="open"]');
    (target ?? this.element).focus();
  }

  /** At which message the focus is. -1: at none. */
  #focusedAt(): number {
    const active = this.#root.activeElement;
    return active ? [...this.#list.children].findIndex((element) => element.contains(active)) : -1;
  }

  get #root(): ShadowRoot {
    return this.element.getRootNode() as ShadowRoot;
  }
}

/** Another numbering of the channel may have the same seq. */
const keyOf = ({ seq, id }: BellItem): string => `${seq} ${id}`;

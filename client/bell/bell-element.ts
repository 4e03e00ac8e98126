/** The element: a button with the count of what is unread, and the panel that it opens. */
import type { BellInbox, BellItem } from './bell-inbox.ts';
import { STYLE } from './bell-style.ts';
import { type Describe, defaultDescription } from './description.ts';
import { type BellLabels, LABELS } from './labels.ts';
import { make, makeIcon } from './make.ts';
import { Panel } from './panel.ts';
import { place } from './place.ts';
import type { Wording } from './row.ts';

/** On a server there are no elements, and nobody makes one. */
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

/** Beyond that the badge says `99+`. */
const MAX_SHOWN = 99;

const PROPERTIES = ['inbox', 'describe', 'labels'] as const;

/**
 * `<herald-bell>`: give it an `inbox`. A click on a message marks it and makes a cancelable event
 * `herald-open`, whose `detail` is the item.
 */
export class HeraldBell extends Base {
  readonly #button = make('button', { part: 'button', type: 'button', 'aria-haspopup': 'dialog' });
  readonly #badge = make('span', { part: 'badge', 'aria-hidden': 'true' });
  /** Says the count to who does not see it. */
  readonly #said = make('p', { class: 'said', role: 'status' });
  readonly #panel = new Panel({
    opened: (item, event) => this.#open(item, event),
    toggled: ({ seq, read }) => (read ? this.#inbox?.markUnread(seq) : this.#inbox?.markRead(seq)),
  });
  #inbox: BellInbox | undefined;
  #describe: Describe = defaultDescription;
  #labels: BellLabels = LABELS;
  #shownUnread: number | undefined;
  #stop: () => void = () => {};

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    root.adoptedStyleSheets = [style];
    this.#button.append(make('slot', { name: 'icon' }, makeIcon()), this.#badge);
    this.#button.popoverTargetElement = this.#panel.element;
    root.append(this.#button, this.#panel.element, this.#said);
    this.#panel.element.addEventListener('beforetoggle', ({ newState }) => this.#toggle(newState === 'open'));
    for (const name of PROPERTIES) this.#takeOver(name);
    this.#render();
  }

  connectedCallback(): void {
    this.#listen();
  }

  disconnectedCallback(): void {
    this.#listen();
    this.#toggle(false);
  }

  /** `herald.inbox`, or undefined as long as there is none. */
  get inbox(): BellInbox | undefined {
    return this.#inbox;
  }

  set inbox(inbox: BellInbox | undefined) {
    if (inbox === this.#inbox) return;
    this.#inbox = inbox ?? undefined;
    this.#shownUnread = undefined;
    this.#listen();
  }

  /** What is shown of a message. @default `title` and `text` of its data, else its type */
  get describe(): Describe {
    return this.#describe;
  }

  set describe(describe: Describe | undefined) {
    this.#describe = describe ?? defaultDescription;
    this.#render();
  }

  /** Its words; those that are not given are English. */
  get labels(): BellLabels {
    return this.#labels;
  }

  set labels(labels: Partial<BellLabels> | undefined) {
    this.#labels = { ...LABELS, ...labels };
    this.#render();
  }

  /** Opens the list. */
  show(): void {
    this.#panel.element.showPopover();
  }

  /** Closes the list; the focus goes back to the button. */
  close(): void {
    this.#panel.element.hidePopover();
  }

  /** A framework may have set a property before the element was defined. */
  #takeOver(name: (typeof PROPERTIES)[number]): void {
    const own = Object.getOwnPropertyDescriptor(this, name);
    if (!own) return;
    delete (this as Partial<HeraldBell>)[name];
    Object.assign(this, { [name]: own.value });
  }

  /** An inbox that nobody listens to acknowledges nothing, so only what is in the page listens. */
  #listen(): void {
    this.#stop();
    const stop = this.isConnected ? this.#inbox?.on('change', () => this.#render()) : undefined;
    this.#stop = stop ?? (() => {});
    this.#render();
  }

  #render(): void {
    const unread = this.#inbox?.unread ?? 0;
    const label = this.#labels.unreadCount(unread);
    this.#button.ariaLabel = label;
    this.#badge.textContent = unread > MAX_SHOWN ? `${MAX_SHOWN}+` : String(unread);
    this.#badge.hidden = unread === 0;
    if (this.#shownUnread !== undefined && this.#shownUnread !== unread) this.#said.textContent = label;
    this.#shownUnread = this.#inbox && unread;
    if (this.#panel.isOpen) this.#panel.update(this.#inbox, this.#wording());
  }

  #wording(): Wording {
    const language = this.closest<HTMLElement>('[lang]')?.lang || undefined;
    return { labels: this.#labels, describe: this.#describe, language };
  }

  readonly #place = (): void => place(this.#panel.element, this.#button);

  #toggle(isOpen: boolean): void {
    this.#button.ariaExpanded = String(isOpen);
    removeEventListener('scroll', this.#place, true);
    removeEventListener('resize', this.#place);
    if (!isOpen) {
      // Browsers give the focus back to what had it, but not inside an element like this one.
      if (this.#panel.hasFocus) this.#button.focus();
      return;
    }
    this.#panel.update(this.#inbox, this.#wording());
    this.#place();
    addEventListener('scroll', this.#place, true);
    addEventListener('resize', this.#place);
  }

  /** What leads away, or was taken by the page, closes the list; a new tab leaves it open. */
  #open(item: BellItem, event: MouseEvent): void {
    this.#inbox?.markRead(item.seq);
    const opened = new CustomEvent('herald-open', {
      detail: item,
      bubbles: true,
      composed: true,
      cancelable: true,
    });
    const isTaken = !this.dispatchEvent(opened);
    if (isTaken) event.preventDefault();
    const isElsewhere = event.ctrlKey || event.metaKey || event.shiftKey;
    const isLink = event.currentTarget instanceof HTMLAnchorElement && !isElsewhere;
    if (isTaken || isLink) this.close();
  }
}

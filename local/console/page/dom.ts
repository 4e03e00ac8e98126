/** Elements in one expression each: text is always text, never markup. */

type Child = Node | string;
type Attributes = Record<string, string | boolean>;

/** `name`: a tag, with classes as in `span.pill`. An attribute that is `true` stands without a value, `false` leaves it out. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name | `${Name}.${string}`,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const [tag = '', ...classes] = name.split('.');
  const made = document.createElement(tag);
  if (classes.length > 0) made.className = classes.join(' ');
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== false) made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children);
  return made as HTMLElementTagNameMap[Name];
}

export function button(text: string, label: string, pressed: () => unknown): HTMLButtonElement {
  const made = element('button', { type: 'button', ...(label !== text && { 'aria-label': label }) }, text);
  made.addEventListener('click', () => {
    if (made.ariaDisabled !== 'true') void pressed();
  });
  return made;
}

/** A button that is out of use keeps the focus, which a disabled one loses. */
export function enable(target: HTMLButtonElement, isEnabled: boolean): void {
  target.ariaDisabled = isEnabled ? null : 'true';
}

/** What the page is built of by id. */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no #${id}`);
}

/** A short glow in one of the colours of the style sheet. */
export function glow(target: Element, color: string): void {
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const shade = getComputedStyle(document.documentElement).getPropertyValue(color);
  const ring = `0 0 0 ${still ? 3 : 6}px`;
  target.animate(
    [
      { boxShadow: `${ring} ${shade}`, borderColor: shade },
      { boxShadow: `0 0 0 0 transparent`, borderColor: shade },
    ],
    { duration: still ? 600 : 1200, easing: 'ease-out' },
  );
}

/** Puts many changes of one frame into one call. */
export function onceAFrame(action: () => void): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      action();
    });
  };
}

export const inMs = (milliseconds: number): string =>
  `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;

/** Elements in one expression each: text is always text, never markup. */

/** Attributes are set as given; `part` is how the page's style sheet names the element. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function makeButton(part: string, pressed: () => void): HTMLButtonElement {
  const made = make('button', { part, type: 'button' });
  made.addEventListener('click', () => {
    if (made.ariaDisabled !== 'true') pressed();
  });
  return made;
}

/** A button out of use keeps the focus, which a disabled one loses. */
export function enable(button: HTMLButtonElement, isEnabled: boolean): void {
  button.ariaDisabled = isEnabled ? null : 'true';
}

const SVG = 'http://www.w3.org/2000/svg';

/** A bell, 24 units wide and high. */
export function makeIcon(): SVGElement {
  const icon = document.createElementNS(SVG, 'svg');
  icon.setAttribute('viewBox', '0 0 24 24');
  icon.setAttribute('aria-hidden', 'true');
  for (const line of ['M6 16V10a6 6 0 0 1 12 0v6l2 2H4z', 'M10 21h4', 'M12 4V2']) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', line);
    icon.append(path);
  }
  return icon;
}

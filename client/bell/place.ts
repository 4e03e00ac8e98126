/** Keeps the panel beside its button and within the window, also where a page is zoomed. */

/** Pixels of CSS between the panel and the button, and the edge of the window. */
const GAP = 6;

export function place(panel: HTMLElement, button: HTMLElement): void {
  const { top, bottom, left, right } = button.getBoundingClientRect();
  const { clientWidth, clientHeight } = document.documentElement;
  const isBelow = clientHeight - bottom >= top;
  const room = (isBelow ? clientHeight - bottom : top) - 2 * GAP;
  const isAtStart = left + right < clientWidth;
  const distance = isAtStart ? left : clientWidth - right;
  const across = `clamp(0.5rem, ${distance}px, 100% - var(--width) - 0.5rem)`;
  panel.style.inset = [
    isBelow ? `${bottom + GAP}px` : 'auto',
    isAtStart ? 'auto' : across,
    isBelow ? 'auto' : `${clientHeight - top + GAP}px`,
    isAtStart ? across : 'auto',
  ].join(' ');
  panel.style.maxHeight = `${room}px`;
}

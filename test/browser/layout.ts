/** Whether what a page shows can be read: nothing is cut off, out of the window, or on top of something else. */
import type { Locator, Page } from 'playwright-core';

interface Box {
  name: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

interface Part extends Box {
  /** Its content is wider than it is. */
  isCut: boolean;
}

/** What is read of an element. */
interface Element {
  ariaLabel: string | null;
  textContent: string | null;
  scrollWidth: number;
  clientWidth: number;
  checkVisibility(): boolean;
  getBoundingClientRect(): Omit<Box, 'name'>;
}

/** A pixel of rounding. */
const SLACK = 1;

/** Of what `parts` selects within `area`, which may scroll upwards and downwards. */
export async function layoutFaults(page: Page, area: Locator, parts: string): Promise<string[]> {
  const window = await page.evaluate<Box>('({ x: 0, y: 0, width: innerWidth, height: innerHeight })');
  const [frame] = await partsOf(area);
  const shown = await partsOf(area.locator(parts));
  if (!frame || shown.length === 0) return ['there is nothing to see'];
  const faults = contains(window, frame) ? [] : ['the area reaches out of the window'];
  for (const [at, part] of shown.entries()) {
    if (part.isCut) faults.push(`${part.name} is cut off`);
    if (!contains({ ...frame, y: part.y, height: part.height }, part))
      faults.push(`${part.name} reaches out of the area`);
    for (const other of shown.slice(0, at)) {
      if (overlap(part, other) && !contains(part, other) && !contains(other, part))
        faults.push(`${part.name} lies on ${other.name}`);
    }
  }
  return faults;
}

/** Those that are visible. */
const partsOf = (locator: Locator): Promise<Part[]> =>
  locator.evaluateAll((elements: Element[]) =>
    elements
      // Text for a screen reader is a pixel wide.
      .filter((element) => element.checkVisibility() && element.getBoundingClientRect().width > 1)
      .map((element) => {
        const { x, y, width, height } = element.getBoundingClientRect();
        const { ariaLabel, textContent, scrollWidth, clientWidth } = element;
        const isCut = clientWidth > 0 && scrollWidth > clientWidth + 1;
        return { name: ariaLabel ?? textContent ?? '', x, y, width, height, isCut };
      }),
  );

const contains = (outer: Box, inner: Box): boolean =>
  inner.x >= outer.x - SLACK &&
  inner.y >= outer.y - SLACK &&
  inner.x + inner.width <= outer.x + outer.width + SLACK &&
  inner.y + inner.height <= outer.y + outer.height + SLACK;

const overlap = (one: Box, other: Box): boolean =>
  one.x + SLACK < other.x + other.width &&
  other.x + SLACK < one.x + one.width &&
  one.y + SLACK < other.y + other.height &&
  other.y + SLACK < one.y + one.height;

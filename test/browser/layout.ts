/** Whether what a page shows can be read: nothing is cut off, out of the window, or on top of something else. */
import type { Locator, Page } from 'playwright-core';

interface Box {
  name: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A pixel of rounding. */
const SLACK = 1;

/** Of what `parts` selects within `area`, which may scroll upwards and downwards. */
export async function layoutFaults(page: Page, area: Locator, parts: string): Promise<string[]> {
  const window = await page.evaluate(
    '({ name: "window", x: 0, y: 0, width: innerWidth, height: innerHeight })',
  );
  const frame = { name: 'area', ...(await boxOf(area)) };
  const faults = contains(window as Box, frame) ? [] : ['the area reaches out of the window'];
  const boxes: Box[] = [];
  for (const part of await area.locator(parts).all()) {
    if (!(await part.isVisible())) continue;
    const name = (await part.getAttribute('aria-label')) ?? (await part.textContent()) ?? '';
    const box = { name, ...(await boxOf(part)) };
    const isWide = await part.evaluate(isTooWide);
    if (isWide) faults.push(`${name} is cut off`);
    if (!contains({ ...frame, y: box.y, height: box.height }, box))
      faults.push(`${name} reaches out of the area`);
    for (const other of boxes) {
      if (overlap(box, other) && !contains(box, other) && !contains(other, box))
        faults.push(`${name} lies on ${other.name}`);
    }
    boxes.push(box);
  }
  if (boxes.length === 0) faults.push('there is nothing to see');
  return faults;
}

const isTooWide = ({ scrollWidth, clientWidth }: { scrollWidth: number; clientWidth: number }): boolean =>
  clientWidth > 1 && scrollWidth > clientWidth + 1;

async function boxOf(locator: Locator): Promise<Omit<Box, 'name'>> {
  const box = await locator.boundingBox();
  if (!box) throw new Error(`${locator} is not shown`);
  return box;
}

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

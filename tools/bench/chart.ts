/** Horizontal bars as SVG, readable on light and on dark paper. */
import type { Plot } from './result.ts';

const WIDTH = 760;
const LABEL_WIDTH = 260;
const VALUE_WIDTH = 90;
const BAR_HEIGHT = 18;
const GROUP_GAP = 12;
const TOP = 40;
const COLOURS = ['#2f6fde', '#e08a2c', '#7a7f87', '#3c9a5f'];

export function barChart({ title, unit, logarithmic = false, groups }: Plot): string {
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value));
  const length = scale(values, logarithmic);
  let y = TOP;
  const parts: string[] = [];
  for (const { label, bars } of groups) {
    for (const [index, { name, value }] of bars.entries()) {
      const text = bars.length > 1 && groups.length > 1 ? `${label}, ${name}` : name;
      const width = length(value);
      const middle = y + BAR_HEIGHT / 2 + 4;
      parts.push(
        `<text x="${LABEL_WIDTH - 8}" y="${middle}" text-anchor="end">${escaped(text)}</text>`,
        `<rect x="${LABEL_WIDTH}" y="${y + 2}" width="${width.toFixed(1)}" height="${BAR_HEIGHT - 4}" fill="${COLOURS[index % COLOURS.length]}"/>`,
        `<text x="${(LABEL_WIDTH + width + 6).toFixed(1)}" y="${middle}">${value.toLocaleString('en', { maximumSignificantDigits: 3 })} ${unit}</text>`,
      );
      y += BAR_HEIGHT;
    }
    y += GROUP_GAP;
  }
  const heading = escaped(logarithmic ? `${title} (logarithmic)` : title);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}" role="img" aria-label="${heading}">
<style>text{font:12px system-ui,sans-serif;fill:#444}@media(prefers-color-scheme:dark){text{fill:#ccc}}</style>
<text x="8" y="22" style="font-size:15px">${heading}</text>
${parts.join('\n')}
</svg>
`;
}

/** How long the bar of a value is, in pixels. */
function scale(values: number[], logarithmic: boolean): (value: number) => number {
  const room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  const most = Math.max(...values);
  if (!logarithmic) return (value) => (value / most) * room;
  const least = Math.min(...values) / 2;
  return (value) => (Math.log(value / least) / Math.log(most / least)) * room;
}

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

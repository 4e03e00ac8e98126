/** The tables of the settings in the documentation, written from the settings themselves. */
import { SETTINGS, type SettingLine } from '../../lib/context-settings.ts';

const BEGIN = '<!-- settings: written by `npm run docs` from lib/context-settings.ts -->';
const END = '<!-- end of the settings -->';

const namesOf = ({ names }: SettingLine): string => names.map((name) => `\`${name}\``).join(', ');

const guideTable = (lines: readonly SettingLine[]): string[] => [
  '| setting | default | |',
  '|---|---|---|',
  ...lines.map((line) => `| ${namesOf(line)} | ${line.default} | ${line.what} |`),
];

/** The same with what only an operator needs; its links lead within their own page. */
const operationsTable = (lines: readonly SettingLine[]): string[] => [
  '| context | default | what it sets |',
  '|---|---|---|',
  ...lines.map((line) => {
    const what = [line.what, line.more ?? []].flat().join('; ').replaceAll('(operations.md#', '(#');
    return `| ${namesOf(line)} | ${line.default} | ${what} |`;
  }),
];

const TABLES = { 'docs/guide.md': guideTable, 'docs/operations.md': operationsTable };

export type SettingsPage = keyof typeof TABLES;
export const SETTINGS_PAGES = Object.keys(TABLES) as SettingsPage[];

/** The text of a page with its table as it should be. Throws where the page has no place for it. */
export function withSettings(page: SettingsPage, text: string): string {
  const [before, rest] = halves(page, text, BEGIN);
  const [, after] = halves(page, rest, END);
  return `${before}${BEGIN}\n\n${TABLES[page](SETTINGS).join('\n')}\n\n${END}${after}`;
}

function halves(page: SettingsPage, text: string, mark: string): [string, string] {
  const [before, after, ...more] = text.split(mark);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new Error(`${page} must have one line: ${mark}`);
  }
  return [before, after];
}

/** Each setting is named in one place, and the documentation says the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SETTINGS_PAGES, withSettings } from '../../../tools/docs/settings-tables.ts';

const read = (page: string): string =>
  readFileSync(join(import.meta.dirname, '../../..', page), 'utf8').replaceAll('\r\n', '\n');

describe.each(SETTINGS_PAGES)('%s', (page) => {
  it('has the table of the settings as `npm run docs` writes it', () => {
    expect(read(page)).toBe(withSettings(page, read(page)));
  });

  it('is refused without a place for the table', () => {
    expect(() => withSettings(page, '# A page')).toThrow(`${page} must have one line`);
  });
});

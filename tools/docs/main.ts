/** `npm run docs` writes what the documentation repeats of the sources. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SETTINGS_PAGES, withSettings } from './settings-tables.ts';

for (const page of SETTINGS_PAGES) {
  const file = join(import.meta.dirname, '../..', page);
  writeFileSync(file, withSettings(page, readFileSync(file, 'utf8')));
}

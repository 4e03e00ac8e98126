/**
 * Makes `client/dist/`, which is what `npm pack` packs of `herald-client`: its code and the declarations of its types. Nothing in it
 * leads outside the package.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { bundleCode, ENTRIES, KINDS } from './client-code.ts';
import { checkExports, compile } from './packaging.ts';

const ROOT = join(import.meta.dirname, '..');
const CLIENT = join(ROOT, 'client');
const DIST = join(CLIENT, 'dist');

/** Side by side in one folder, whether they come from `client/` or from the protocol. */
function copyTypes(): void {
  const folder = mkdtempSync(join(tmpdir(), 'herald-client-types-'));
  try {
    compile(join(CLIENT, 'tsconfig.json'), folder);
    const declarations = readReachable(ENTRIES.map((entry) => join(folder, 'client', `${entry}.d.ts`)));
    for (const [file, text] of declarations) {
      for (const { code, types } of KINDS) {
        writeFileSync(join(DIST, `${moduleName(file)}${types}`), text.replaceAll(IMPORTED, besideIt(code)));
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a declaration imports: `'./types.ts'` or, of the protocol, `'../lambdas/protocol/frames.ts'`. */
const IMPORTED = /(?<=\bfrom |\bimport\()(['"])(?<path>\.[^'"]*)\.ts\1/g;

const besideIt =
  (code: string) =>
  (_all: string, quote: string, path: string): string =>
    `${quote}./${basename(path)}${code}${quote}`;

const moduleName = (file: string): string => basename(file, '.d.ts');

/** The entries and all that they import, directly or not. Throws when two of them would be one file. */
function readReachable(entries: string[]): Map<string, string> {
  const texts = new Map<string, string>();
  const visit = (file: string) => {
    if (texts.has(file)) return;
    const namesake = [...texts.keys()].find((other) => moduleName(other) === moduleName(file));
    if (namesake !== undefined)
      throw new Error(`${namesake} and ${file} cannot both be ${moduleName(file)}.d.ts`);
    const text = readFileSync(file, 'utf8');
    texts.set(file, text);
    for (const { groups } of text.matchAll(IMPORTED)) visit(join(dirname(file), `${groups?.path}.d.ts`));
  };
  for (const entry of entries) visit(entry);
  return texts;
}

rmSync(DIST, { recursive: true, force: true });
mkdirSync(DIST, { recursive: true });
bundleCode(DIST);
copyTypes();
cpSync(join(ROOT, 'LICENSE'), join(DIST, 'LICENSE'));
checkExports(CLIENT);

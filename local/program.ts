/** Where our own programs and files are: in this repository as TypeScript, in the package built and side by side in one folder. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Whether this is the installed package, which has no sources. */
export const IS_PACKAGE: boolean = extname(import.meta.url) === '.js';

/** The program `name` beside the module at `url`, with the same ending. */
export const programBeside = (url: string, name: string): string =>
  fileURLToPath(new URL(`./${name}${extname(url)}`, url));

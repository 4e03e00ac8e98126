/**
 * The files of the console, of the client library and of the protocol it speaks, and of the example of a page with STOMP, as a
 * browser takes them: TypeScript with its types stripped, nothing built.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import module from 'node:module';
import { extname, join } from 'node:path';
import { answer } from '../emulator/http.ts';
import { IS_PACKAGE } from '../program.ts';

export interface ConsoleFiles {
  /** False: there is no such file. */
  answer(path: string, response: ServerResponse): Promise<boolean>;
}

/** What the browser asks for, and the folder it stands in. The package has it all in one, made for the browser before. */
const FOLDERS: Record<string, string> = IS_PACKAGE
  ? { '/console': 'page' }
  : {
      '/console': '../../local/console/page',
      '/client': '../../client',
      '/client/bell': '../../client/bell',
      '/client/inbox': '../../client/inbox',
      '/lambdas/protocol': '../../lambdas/protocol',
      '/examples/stomp': '../../examples/stomp',
      '/examples/stomp/lib': '../../node_modules/stompjs2/lib',
    };
const PAGE = '/console/index.html';

const CONTENT_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.ts': 'text/javascript; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** `'self'` includes the WebSockets of the same host and port. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** Only the files there are when it starts can be had, by exactly their path: nothing of a request reaches the file system. */
export async function createConsoleFiles(): Promise<ConsoleFiles> {
  const files = new Map<string, string>();
  for (const [path, folder] of Object.entries(FOLDERS)) {
    // A dependency of development: whoever installs without has no such example.
    if (!existsSync(join(import.meta.dirname, folder))) continue;
    for (const name of await readdir(join(import.meta.dirname, folder))) {
      if (CONTENT_TYPES[extname(name)]) files.set(`${path}/${name}`, join(import.meta.dirname, folder, name));
    }
  }
  return {
    async answer(path, response) {
      const file = files.get(path === '/' ? PAGE : path);
      if (file === undefined) return false;
      const text = await readFile(file, 'utf8');
      const extension = extname(file);
      const body = extension === '.ts' ? module.stripTypeScriptTypes(text) : text;
      answer(response, 200, { ...HEADERS, 'content-type': CONTENT_TYPES[extension] ?? '' }, body);
      return true;
    },
  };
}

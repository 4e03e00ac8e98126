/** A folder in which the snippets of the documentation are files: their imports of ours point here, the rest comes from node_modules. */
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll } from 'vitest';
import { ROOT } from './blocks.ts';

/** What a reader has installed, or beside the snippet. */
const OURS: Record<string, string> = {
  herald: 'lib/index.ts',
  'herald-client': 'client/index.ts',
  'herald-client/bell': 'client/bell.ts',
  'herald-client/inbox': 'client/inbox.ts',
  'herald-client/react': 'client/react.ts',
  './domain/publish/message-types.ts': 'lambdas/domain/publish/message-types.ts',
};

/** Where the guide's registry of types stands, and finds its neighbours. */
const LAMBDAS = join(ROOT, 'lambdas');

/** What the snippets take for granted: given by the test through the environment, and printed for it to read. */
const GIVEN = `
  const { URL_OF_STACK, TOKEN, SECRET, STORED = '{}' } = process.env;
  const localStorage = {
    ...JSON.parse(STORED),
    getItem: (key) => localStorage[key] ?? null,
    setItem: (key, value) => { localStorage[key] = value; },
  };
  const show = (shown) => console.log('shown', JSON.stringify({ shown, stored: localStorage }));
  const given = { url: URL_OF_STACK, token: TOKEN, secret: SECRET, fetchToken: async () => TOKEN, localStorage, show };
  for (const [name, value] of Object.entries(given))
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
`;

const DECLARED = `
declare const fetchToken: () => Promise<string>;
declare const show: (what: unknown) => void;
declare const url: string;
declare const token: string;
declare const secret: string;
`;

export class Workshop {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'herald-snippets-')));

  constructor() {
    symlinkSync(join(ROOT, 'node_modules'), join(this.folder, 'node_modules'), 'junction');
    this.write('package.json', '{"type":"module"}');
    this.write('given.js', GIVEN);
    this.write('given.d.ts', DECLARED);
    afterAll(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  /** Returns what `node` is called with to run it. */
  write(name: string, text: string): string[] {
    const file = join(this.folder, name);
    writeFileSync(
      file,
      text.replaceAll(/(?<=from )'([^']+)'/g, (written, module: string) => {
        const own = OURS[module];
        return own === undefined ? written : `'${pathToFileURL(join(ROOT, own)).href}'`;
      }),
    );
    return ['--import', pathToFileURL(join(this.folder, 'given.js')).href, file];
  }

  /** As they stand, for the compiler: what they import of ours is mapped, not rewritten. Returns the configuration's file. */
  writeTyped(files: Record<string, string>): string {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.folder, name), text);
    const paths = Object.fromEntries(Object.entries(OURS).map(([name, file]) => [name, [join(ROOT, file)]]));
    const config = join(this.folder, 'tsconfig.json');
    const compilerOptions = {
      ...{
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        jsx: 'react-jsx',
        target: 'es2024',
        module: 'nodenext',
      },
      ...{ lib: ['es2024', 'dom'], types: ['node'], allowImportingTsExtensions: true, checkJs: true },
      ...{ erasableSyntaxOnly: true, verbatimModuleSyntax: true, paths, rootDirs: [this.folder, LAMBDAS] },
    };
    writeFileSync(config, JSON.stringify({ compilerOptions, files: [...Object.keys(files), 'given.d.ts'] }));
    return config;
  }
}

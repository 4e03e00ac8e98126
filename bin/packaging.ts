/** What making a package takes, whichever of ours it is. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Throws when it does not compile; the compiler has said why then. */
export function compile(config: string, outDir: string): void {
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  execFileSync(process.execPath, [join(typescript, 'bin', 'tsc'), '-p', config, '--outDir', outDir], {
    stdio: 'inherit',
  });
}

type Target = string | { readonly [condition: string]: Target };

/** Throws when the package.json in `folder` promises a file that was not made. */
export function checkExports(folder: string): void {
  const { exports = {}, bin = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    exports?: Target;
    bin?: Target;
  };
  const missing = [...filesOf(exports), ...filesOf(bin)].filter((file) => !existsSync(join(folder, file)));
  if (missing.length > 0) throw new Error(`package.json names what was not made: ${missing.join(', ')}`);
}

const filesOf = (target: Target): string[] =>
  typeof target === 'string' ? [target] : Object.values(target).flatMap(filesOf);

/** `npm ci` verifies what it downloads: the lock file says what each package's content must be. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

interface Locked {
  integrity?: string;
  /** A workspace of ours. */
  link?: true;
  /** It came within the tarball of another package, which has an integrity. */
  inBundle?: true;
}

/** The registry that wrote the file has the database for Linux on x64 only. npm finds the others by their versions. */
const UNKNOWN = /^node_modules\/@dynoxide\/(?!linux-x64$)/;

it('has an integrity for every package that comes from a registry', () => {
  const file = join(import.meta.dirname, '../package-lock.json');
  const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Locked> };
  const fromRegistry = Object.entries(packages).filter(
    ([path, { link, inBundle }]) =>
      path.includes('node_modules/') && !UNKNOWN.test(path) && !link && !inBundle,
  );
  expect(fromRegistry.length).toBeGreaterThan(100);
  expect(fromRegistry.filter(([, { integrity }]) => !integrity).map(([path]) => path)).toEqual([]);
});

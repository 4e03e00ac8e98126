/** Comments are read in narrow windows beside others: none is wider than a hundred columns. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from './blocks.ts';

const MAX_COLUMNS = 100;

const isComment = (line: string) => /^\s*(\/\/|\/\*|\* )/.test(line);
/** An address cannot be broken. */
const isAddress = (line: string) => /^\s*(\/\/|\/\*\*|\*) https?:\/\/\S+( \*\/)?$/.test(line);

it.each(['lambdas', 'client'])('no comment of %s is wider', (folder) => {
  const files = globSync('**/*.ts', {
    cwd: join(ROOT, folder),
    exclude: (path) => /node_modules|dist/.test(path),
  });
  expect(files.length).toBeGreaterThan(10);
  const wide = files.flatMap((file) =>
    readFileSync(join(ROOT, folder, file), 'utf8')
      .split(/\r?\n/)
      .filter((line) => line.length > MAX_COLUMNS && isComment(line) && !isAddress(line))
      .map((line) => `${folder}/${file}: ${line.trim()}`),
  );
  expect(wide).toEqual([]);
});

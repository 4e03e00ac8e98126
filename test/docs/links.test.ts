/** The documentation as a whole: every block has a test, every link leads somewhere, every command and folder exists. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseStart } from '../../local/cli/commands/start.ts';
import { parseOptions as parseCost } from '../../tools/cost/options.ts';
import { parseOptions as parseE2e } from '../../tools/verify/options.ts';
import { blocksOf, CLAIMS, isClaimedBy, PAGES, ROOT, read } from './blocks.ts';

const pages = PAGES.map((file) => ({ file, text: read(file) }));
const proseOf = (text: string) => text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, '');

it('every block is checked by exactly one test', () => {
  const claims = Object.values(CLAIMS).flat();
  const blocks = PAGES.flatMap(blocksOf);
  const owners = blocks.map((block) => [block.name, claims.filter((claim) => isClaimedBy(claim, block))]);
  expect(owners.filter(([, found]) => found?.length !== 1)).toEqual([]);
  expect(claims.filter((claim) => !blocks.some((block) => isClaimedBy(claim, block)))).toEqual([]);
});

it('no fence is left open', () => {
  for (const { file, text } of pages) {
    expect(text.match(/^ *```/gm)?.length ?? 0, file).toBe(2 * blocksOf(file).length);
  }
});

/** As GitHub makes them of headings. */
const anchorsOf = (text: string) =>
  [...proseOf(text).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe.each(pages)('$file', ({ file, text }) => {
  it('links to what exists', () => {
    const links = [...proseOf(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const broken = links.filter((link) => {
      if (/^https?:/.test(link)) return false;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? file : join(dirname(file), path);
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !anchorsOf(read(target)).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it('runs only scripts of package.json, with options they have', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const [, name = ''] of text.matchAll(/\bnpm run ([\w:]+)/g)) expect(scripts).toHaveProperty([name]);
    const commands = [...text.matchAll(/\bnpm (?:run )?(start|e2e|cost) -- ([^`\n#]+)/g)];
    for (const [, name = '', options = ''] of commands) {
      const args = options.trim().split(/\s+/);
      if (name === 'start') parseStart(args);
      else if (name === 'cost') parseCost(args);
      else if (!args.includes('--outputs')) parseE2e(args);
    }
  });

  it('names only files of ours that exist', () => {
    const folders = /^(lambdas|lib|client|tools|examples|local|test|docs|bin)\//;
    const named = [...proseOf(text).matchAll(/`([\w./-]+)`/g)]
      .map(([, path = '']) => path)
      .filter((path) => folders.test(path));
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

it('the README draws every folder of the sources, and no other', () => {
  const table = read('README.md').match(/\| folder \|[\s\S]*?\n\n/)?.[0] ?? '';
  const named = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([\w/]+)`/g)].map(([, path = '']) => path),
  );
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  const { include } = JSON.parse(read('tsconfig.json')) as { include: string[] };
  const folders = include.filter((path) => !path.includes('*'));
  expect(folders.filter((folder) => !named.some((path) => path.split('/')[0] === folder))).toEqual([]);
});

it.each([
  ['npm start', read('docs/guide.md'), ['--idle-seconds', '--max-connection-seconds']],
  ['npm run e2e', read('docs/guide.md'), ['--jwt-secret-arn', '--issuer', '--audience']],
])('%s has the options the guide tells of', (command, guide, options) => {
  for (const option of options) {
    expect(guide).toContain(`\`${option}\``);
    const parse = () =>
      command === 'npm start' ? parseStart([option, '1']) : parseE2e([option, 'x', '--ws', 'ws://a']);
    if (command === 'npm start') parse();
    else expect(parse).toThrow('--http is missing');
  }
});

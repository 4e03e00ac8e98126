/** The arrows of the design, read from the import lines: who may know of whom. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LAMBDA_NAMES } from '../lambdas/manifest.ts';

const ROOT = join(import.meta.dirname, '..');

interface Import {
  /** A path from the root, or the name of a package. */
  to: string;
  typeOnly: boolean;
  names: string[];
}

interface SourceFile {
  path: string;
  /** Without its comments. */
  code: string;
  imports: Import[];
}

const IMPORT = /^(?:import|export)\s+(?<type>type\s+)?(?<clause>[\w\s{},*$]*?)\s*from\s*'(?<from>[^']+)'/gm;
const BARE_IMPORT = /(?:^import|\bimport\()\s*'(?<from>[^']+)'/gm;
/** A string is kept, so that a URL in it is not taken for a comment. */
const COMMENT = /('(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|\/\/.*$/gm;

function readSource(path: string): SourceFile {
  const code = readFileSync(join(ROOT, path), 'utf8').replace(COMMENT, (_all, text?: string) => text ?? '');
  const target = (from: string) => (from.startsWith('.') ? relative('.', join(dirname(path), from)) : from);
  const named = [...code.matchAll(IMPORT)].map(({ groups: { type, clause = '', from = '' } = {} }) => {
    const names = clause
      .replace(/[{}]/g, ' ')
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean);
    const typeOnly =
      type !== undefined || (names.length > 0 && names.every((name) => name.startsWith('type ')));
    return { to: target(from), typeOnly, names };
  });
  const bare = [...code.matchAll(BARE_IMPORT)].map(({ groups: { from = '' } = {} }) => ({
    to: target(from),
    typeOnly: false,
    names: [],
  }));
  return { path, code, imports: [...named, ...bare] };
}

const SOURCES = globSync('{bin,lambdas,lib,local}/**/*.ts', { cwd: ROOT })
  .filter((path) => !path.includes('node_modules'))
  .map(readSource);

/** Who uses the sources from beside them. */
const CONSUMERS = globSync('{test,tools}/**/*.ts', { cwd: ROOT }).map(readSource);

const filesIn = (...folders: string[]) => SOURCES.filter(({ path }) => isIn(path, ...folders));
const isIn = (path: string, ...folders: string[]) => folders.some((folder) => path.startsWith(`${folder}/`));

/** The imports that break a rule, as `from → to`. */
const breaches = (files: SourceFile[], allowed: (one: Import, file: SourceFile) => boolean): string[] =>
  files.flatMap((file) =>
    file.imports.filter((one) => !allowed(one, file)).map(({ to }) => `${file.path} → ${to}`),
  );

const matches = (files: SourceFile[], pattern: RegExp): string[] =>
  files.filter(({ code }) => pattern.test(code)).map(({ path }) => path);

describe('this test', () => {
  it('understands every import line', () => {
    for (const { path, code, imports } of SOURCES) {
      const lines = code.match(/^import\b/gm)?.length ?? 0;
      expect(imports.length, path).toBeGreaterThanOrEqual(lines);
    }
  });

  it('sees the files it is about', () => {
    for (const folder of [
      'lambdas/protocol',
      'lambdas/domain',
      'lambdas/adapters/dynamodb',
      'lambdas/adapters/api-gateway',
      'lambdas/handlers',
    ]) {
      expect(filesIn(folder), folder).not.toEqual([]);
    }
    const imports = SOURCES.flatMap((file) => file.imports);
    expect(imports.some(({ typeOnly }) => typeOnly)).toBe(true);
    expect(imports.filter(({ to }) => isIn(to, 'lambdas/domain/ports')).length).toBeGreaterThan(5);
  });

  it('finds that every import of a file names it with its ending', () => {
    const files = new Set(SOURCES.map(({ path }) => path));
    const isOurs = (to: string) => isIn(to, 'bin', 'lambdas', 'lib', 'local');
    expect(breaches(SOURCES, ({ to }) => !isOurs(to) || files.has(to) || to.endsWith('.json'))).toEqual([]);
  });
});

describe('protocol/', () => {
  it('imports nothing from outside, not even Node', () => {
    expect(breaches(filesIn('lambdas/protocol'), ({ to }) => isIn(to, 'lambdas/protocol'))).toEqual([]);
  });
});

describe('domain/', () => {
  it('imports only itself and the protocol', () => {
    const allowed = ({ to, typeOnly }: Import) =>
      isIn(to, 'lambdas/domain', 'lambdas/protocol') ||
      ['lambdas/back-off.ts', 'lambdas/concurrency.ts'].includes(to) ||
      (typeOnly && to === '@standard-schema/spec');
    expect(breaches(filesIn('lambdas/domain'), allowed)).toEqual([]);
  });

  it('knows no clock, no chance and no environment, and the protocol neither', () => {
    const world =
      /\bDate\.now\b|\bnew Date\b|\bDate\(|\bperformance\b|\bMath\.random\b|\bcrypto\b|\bprocess\b|\bset(?:Timeout|Interval|Immediate)\b|\bfetch\(|\bconsole\b/;
    expect(matches(filesIn('lambdas/domain', 'lambdas/protocol'), world)).toEqual([]);
  });
});

describe('wire/', () => {
  it('knows the frames and the shape of a replay, nothing else', () => {
    const allowed = ({ to, typeOnly }: Import) =>
      isIn(to, 'lambdas/protocol', 'lambdas/wire') ||
      (typeOnly && to === 'lambdas/domain/ports/frame-sizes.ts');
    expect(breaches(filesIn('lambdas/wire'), allowed)).toEqual([]);
  });

  it('alone builds and parses text of the wire: the domain knows only the `data` of a message', () => {
    expect(matches(filesIn('lambdas/domain'), /\bJSON\.parse\b/)).toEqual([
      'lambdas/domain/escalation.ts',
      'lambdas/domain/publish/canonical-json.ts',
      'lambdas/domain/log/withdrawal.ts',
    ]);
    expect(matches(filesIn('lambdas/domain'), /\bJSON\.stringify\b/).sort()).toEqual([
      'lambdas/domain/log/withdrawal.ts',
      'lambdas/domain/publish/canonical-json.ts',
      'lambdas/domain/publish/publish.ts',
    ]);
  });
});

describe('the log', () => {
  it('is what alone calls its store', () => {
    const others = filesIn('lambdas/domain').filter(({ path }) => !isIn(path, 'lambdas/domain/log'));
    expect(matches(others, /\bLogStore\b/)).toEqual(['lambdas/domain/ports/log-store.ts']);
  });
});

/** Values that the adapters share with the domain. */
const ADAPTERS_MAY_READ = ['lambdas/domain/errors.ts', 'lambdas/concurrency.ts', 'lambdas/wire/dialect.ts'];

describe('adapters/', () => {
  it('know the domain by its ports and types only', () => {
    const allowed = ({ to, typeOnly }: Import, { path }: SourceFile) =>
      ADAPTERS_MAY_READ.includes(to) ||
      isIn(to, 'lambdas/domain/ports', 'lambdas/protocol', 'lambdas/aws', dirname(path)) ||
      (typeOnly && isIn(to, 'lambdas/domain')) ||
      !to.startsWith('lambdas/');
    expect(breaches(filesIn('lambdas/adapters'), allowed)).toEqual([]);
  });
});

describe('handlers/', () => {
  it('reach AWS, the stores and the gateway only through app.ts, and read records of streams and queues', () => {
    const read = [
      'lambdas/adapters/dynamodb/stream-records.ts',
      'lambdas/adapters/dynamodb/outbox-records.ts',
      'lambdas/adapters/dynamodb/lifecycle-records.ts',
      'lambdas/adapters/queue/later.ts',
      'lambdas/adapters/queue/fan-out.ts',
      'lambdas/adapters/queue/outbox.ts',
    ];
    const allowed = ({ to }: Import) => !isIn(to, 'lambdas/aws', 'lambdas/adapters') || read.includes(to);
    expect(breaches(filesIn('lambdas/handlers'), allowed)).toEqual([]);
  });

  it('are known by nobody else in lambdas/ but their entries', () => {
    const others = filesIn('lambdas').filter(({ path }) => !isIn(path, 'lambdas/handlers', 'lambdas/entry'));
    expect(breaches(others, ({ to }) => !isIn(to, 'lambdas/handlers'))).toEqual([]);
  });
});

describe('entry/', () => {
  const entries = filesIn('lambdas/entry');

  it('has one file for each Lambda of the manifest, which makes its handler', () => {
    const paths = (folder: string) => LAMBDA_NAMES.map((name) => `lambdas/${folder}/${name}.ts`);
    expect(entries.map(({ path }) => path).sort()).toEqual(paths('entry').sort());
    expect(breaches(entries, ({ to }) => !isIn(to, 'lambdas/handlers')).sort()).toEqual(
      LAMBDA_NAMES.map((name) => `lambdas/entry/${name}.ts → lambdas/handlers/${name}.ts`).sort(),
    );
  });

  it('holds nothing but imports and one line that exports the handler', () => {
    for (const { path, code } of entries) {
      const lines = code.split('\n').filter((line) => line !== '' && !line.startsWith('import '));
      expect(lines, path).toEqual([
        expect.stringMatching(/^export const handler = create\w+Handler\(.*\);$/),
      ]);
    }
  });

  it('is alone in reading the environment and putting an app together as it is imported', () => {
    const runs =
      /(?<!function )\b(?:createApp|createPublishingApp|createAuthorizerApp|createOutboxApp|createLifecycleApp|createLaterApp|createRowsApp|readEnv|readAuthEnv)\(/;
    // These add to the app of others what only their Lambda has.
    const added = ['outbox', 'lifecycle', 'later', 'stomp', 'publishing'].map(
      (one) => `lambdas/${one}-app.ts`,
    );
    const sources = filesIn('lambdas').filter(({ path }) => !added.includes(path));
    // Modules of their own, loaded only for clients of STOMP.
    const loadedLater = ['lambdas/stomp.ts', 'lambdas/pump.ts'];
    const calling = matches(sources, runs);
    expect(calling.sort()).toEqual([...entries.map(({ path }) => path), ...loadedLater].sort());
  });

  it('is imported by nobody: bundling and the local runtime load its files by the names of the Lambdas', () => {
    expect(breaches([...SOURCES, ...CONSUMERS], ({ to }) => !isIn(to, 'lambdas/entry'))).toEqual([]);
    const loading = matches(SOURCES, /\bentry\b['/].*\$\{\w+\}\.ts/);
    expect(loading.sort()).toEqual(['lib/bundle.ts', 'local/emulator/thread/handlers.ts']);
  });
});

describe('manifest.ts', () => {
  const manifest = SOURCES.filter(({ path }) =>
    ['lambdas/manifest.ts', 'lambdas/lambda-spec.ts'].includes(path),
  );

  it('is plain data that everybody may read: it knows the tables, the settings and the protocol', () => {
    const allowed = ({ to, typeOnly }: Import) =>
      isIn(to, 'lambdas/protocol') ||
      to === 'lambdas/domain/settings.ts' ||
      (typeOnly && ['lambdas/adapters/dynamodb/tables.ts', 'lambdas/lambda-spec.ts'].includes(to));
    expect(manifest).toHaveLength(2);
    expect(breaches(manifest, allowed)).toEqual([]);
  });

  it('costs a Lambda nothing: in lambdas/ only its types are read', () => {
    const allowed = ({ to, typeOnly }: Import) => to !== 'lambdas/manifest.ts' || typeOnly;
    expect(breaches(filesIn('lambdas'), allowed)).toEqual([]);
  });
});

describe('lambdas/', () => {
  it('know nothing of where they run or how they are tested', () => {
    expect(
      breaches(
        filesIn('lambdas'),
        ({ to }) => isIn(to, 'lambdas') || !/^(?:\.\.|bin|lib|local|test)\b/.test(to),
      ),
    ).toEqual([]);
  });

  it('do without the AWS SDK, whose clients would be most of a cold start, but in the folder for it', () => {
    const sdk = /^@(?:aws-sdk|smithy)\//;
    const allowed = ({ to, typeOnly }: Import, { path }: SourceFile) =>
      typeOnly || !sdk.test(to) || isIn(path, 'lambdas/aws/sdk');
    expect(breaches(filesIn('lambdas'), allowed)).toEqual([]);
    expect(filesIn('lambdas/aws/sdk')).not.toEqual([]);
  });

  it('leave it to the bundler whose clients of AWS they are given', () => {
    const others = filesIn('lambdas').filter(
      ({ path }) => !isIn(path, 'lambdas/aws/lean', 'lambdas/aws/sdk'),
    );
    expect(breaches(others, ({ to }) => !isIn(to, 'lambdas/aws/lean', 'lambdas/aws/sdk'))).toEqual([]);
  });

  it('put their clients together in app.ts, and those of the authorizer in authorizer-app.ts', () => {
    const created = /\bcreate(?:DynamoDb|Gateway|SecretReader)\(\{?(?!\w+:)/;
    const outside = filesIn('lambdas').filter(
      ({ path }) => !isIn(path, 'lambdas/aws', 'lambdas/adapters/api-gateway'),
    );
    expect(matches(outside, created).sort()).toEqual(['lambdas/app.ts', 'lambdas/authorizer-app.ts']);
  });

  it('read the environment in env.ts only', () => {
    expect(matches(filesIn('lambdas'), /\bprocess\.env\b|\bprocess\['env'\]|\bimport\.meta\.env\b/)).toEqual([
      'lambdas/env.ts',
    ]);
  });

  it('have no import cycle', () => expect(cyclesAmong(filesIn('lambdas'))).toEqual([]));
});

describe('lib/ and local/', () => {
  it('do not know each other, nor the tests', () => {
    expect(breaches(filesIn('lib', 'bin'), ({ to }) => !isIn(to, 'local', 'test'))).toEqual([]);
    expect(breaches(filesIn('local'), ({ to }) => !isIn(to, 'lib', 'bin', 'test'))).toEqual([]);
  });
});

/** Each cycle once, as the files on it. */
function cyclesAmong(files: SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: string[]) => {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push([...trail.slice(start), path].join(' → '));
    if (start >= 0 || done.has(path)) return;
    for (const { to } of byPath.get(path)?.imports ?? []) visit(to, [...trail, path]);
    done.add(path);
  };
  for (const { path } of files) visit(path, []);
  return cycles;
}

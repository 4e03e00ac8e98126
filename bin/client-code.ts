/**
 * Makes the code of `herald-client`: each entry as an ES module and as CommonJS, with the values of the protocol that it uses inside.
 * Who bundles it pays for every name that no minifier may shorten, so the names that only our own parts call each other by are short.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { shortNames, withoutPrivates } from './short-names.ts';

const CLIENT = join(import.meta.dirname, '../client');

/** The modules of `client/` that can be imported: one for each of the `exports` in its package.json. */
export const ENTRIES = ['index', 'inbox', 'bell', 'react'];

/** Of each kind of module: how its files end, and those of its declarations. */
export const KINDS = [
  { format: 'esm', code: '.js', types: '.d.ts' },
  { format: 'cjs', code: '.cjs', types: '.d.cts' },
] as const;

/**
 * Names of properties that no app, server, platform or other tab (which may have another version) knows: `test/client/size.test.ts`
 * holds them against what these know. A name that is missing here costs bytes, nothing else. The first get one letter: they are those
 * used most.
 */
export const INTERNAL_NAMES = `
  cancel end say deliveries isLeading stop manager pass world settled emit ownName take inboxPart isOpen note byName
  changeStatus audience isHeard dispatcher due isUsed flush position begin ask monotonic saving heard requests wake
  idle isSet update ackedSeq pause sendRequest start known deadline leave reach promote drop tellUses reconcile watch
  save isGiven listen finish isFull loseLead earlyRead isReplaying introduce addHead connectionUrl timer early
  deadlineAt report becomeLeader isRelieved probe givenFrom isCurrent isMain began dropAll load hasUsed subscription
  ended era httpStatus newRef addReplay isFixed isOwn receive refuse hasTabs isLacking onFollower onLeader onMarks
  onWake openBroadcast openSocket unheard acknowledged addEmpty connected expectMore hurry isReady resend restart
  resume syncFrom yield onHide acknowledge riding ride retry used dropUnheard hasConnection introduceOwn isClosed
  connect shareMarks adopt greet
`
  .trim()
  .split(/\s+/);

/**
 * The names of variables and the lines stay: whoever bundles it minifies them, and until then its traces can be read. The syntax is
 * minified here, since a constant that is a product (`31 * 1024`) is dropped by no other bundler, used or not.
 */
export function bundleCode(outdir: string): void {
  for (const { format, code } of KINDS) {
    const { outputFiles } = buildSync({
      entryPoints: ENTRIES.map((entry) => join(CLIENT, `${entry}.ts`)),
      outdir,
      outExtension: { '.js': code },
      bundle: true,
      // A peer: whoever uses the hooks has it.
      external: ['react'],
      minifySyntax: true,
      format,
      platform: 'neutral',
      target: 'es2022',
      mangleProps: new RegExp(`^(?:${INTERNAL_NAMES.join('|')})$`),
      // One name for each: the entries are bundled apart, and call each other.
      mangleCache: shortNames(INTERNAL_NAMES),
      write: false,
    });
    mkdirSync(outdir, { recursive: true });
    for (const { path, text } of outputFiles) writeFileSync(path, withoutPrivates(text));
  }
}

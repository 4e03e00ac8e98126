/** `npm run cost`: a month's bill and what the quotas allow, for the numbers of one's own users. */
import { comparison } from './compare.ts';
import { HELP, parseOptions } from './options.ts';
import { sheet } from './sheet.ts';

try {
  const asked = parseOptions(process.argv.slice(2));
  process.stdout.write(asked === undefined ? HELP : asked.compare ? comparison(asked) : sheet(asked));
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  const isUnknown = code?.startsWith('ERR_PARSE_ARGS');
  const line = isUnknown
    ? `${message.split(/\.\s/)[0]}. See npm run cost -- --help`
    : message.trim().replaceAll(/\s*\n\s*/g, ' ');
  process.stderr.write(`${line}\n`);
  process.exitCode = 1;
}

/** `npm run cost`: a month's bill and what the quotas allow, for the numbers of one's own users. */
import { HELP, parseOptions } from './options.ts';
import { sheet } from './sheet.ts';

try {
  const usage = parseOptions(process.argv.slice(2));
  process.stdout.write(usage ? sheet(usage) : HELP);
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  const isUnknown = code?.startsWith('ERR_PARSE_ARGS');
  const line = isUnknown
    ? `${message.split(/\.\s/)[0]}. See npm run cost -- --help`
    : message.trim().replaceAll(/\s*\n\s*/g, ' ');
  process.stderr.write(`${line}\n`);
  process.exitCode = 1;
}

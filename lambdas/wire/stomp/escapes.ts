/** How names and values of headers are escaped, by the version that was agreed on. */
import { StompError, type StompVersion } from '../../protocol/stomp.ts';

const ESCAPED: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', ':': '\\c' };
const MEANT: Record<string, string> = { '\\\\': '\\', '\\n': '\n', '\\r': '\r', '\\c': ':' };

/**
 * What would end the line or the frame, and has no escape, becomes a space: in version 1.0 the line
 * ends, in all of them NUL.
 */
export const escapeHeader = (text: string, version: StompVersion): string =>
  version === '1.0'
    ? text.replace(/[\0\r\n]/g, ' ')
    : text.replace(/[\0\\\n\r:]/g, (character) => ESCAPED[character] ?? ' ');

/**
 * Takes `\r` in 1.1, too, as several clients write it there. Throws a {@link StompError} where a
 * backslash begins nothing that is known.
 */
export const unescapeHeader = (text: string, version: StompVersion): string =>
  version === '1.0'
    ? text
    : text.replace(/\\[\s\S]?/g, (written) => {
        const meant = MEANT[written];
        if (meant !== undefined) return meant;
        throw new StompError('bad_frame', 'expected \\n, \\r, \\c or \\\\ after a backslash in a header');
      });

/**
 * Writes one STOMP frame as the text of one WebSocket message: nothing before the command, lines
 * that end in LF, nothing after NUL. Anything else, one client or another does not read.
 */
import { utf8Bytes } from '../../protocol/limits.ts';
import type { StompVersion } from '../../protocol/stomp.ts';
import { escapeHeader } from './escapes.ts';

/** A header without a value is left out. */
export type Headers = Record<string, string | number | undefined>;

/** `body`: undefined where the command has none. */
export function encodeStomp(command: string, headers: Headers, version: StompVersion, body?: string): string {
  // Before the version is agreed on, nothing is escaped.
  const written = command === 'CONNECTED' ? '1.0' : version;
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [`${escapeHeader(name, written)}:${escapeHeader(String(value), written)}\n`],
  );
  if (body !== undefined) lines.push(`content-length:${utf8Bytes(body)}\n`);
  return `${command}\n${lines.join('')}\n${body ?? ''}\0`;
}

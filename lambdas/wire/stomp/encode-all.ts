/** Writes for clients of every dialect. Loaded where those of STOMP are told something. */
import type { DialectName, OutgoingFrame } from '../../protocol/frames.ts';
import { isStomp, versionOf } from '../../protocol/stomp.ts';
import { dialectOf } from '../dialect.ts';
import { writeStomp } from './write.ts';

/** Empty: the dialect has no such frame. */
export const encodeForAll = (dialect: DialectName, frame: OutgoingFrame): string =>
  isStomp(dialect) ? (writeStomp(frame, versionOf(dialect)) ?? '') : dialectOf(dialect).encode(frame);

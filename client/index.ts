/**
 * `herald-client`: receives every message of this device once and in order, for browsers and Node.
 */
import { Client } from './client.ts';
import { platform } from './environment.ts';
import type { AnyTypes, Herald, Options } from './types.ts';

/**
 * Connects a device and keeps it connected until `close()`. `Types`: the registry of message types
 * the server has, as in `connect<typeof messageTypes>(…)`. Throws a TypeError for options that
 * cannot be.
 */
export const connect: <Types = AnyTypes>(url: string, options: Options) => Herald<Types> = <Types>(
  url: string,
  // Whoever has no types is told what is missing.
  options = {} as Options,
) => new Client(url, options, platform(options)) as unknown as Herald<Types>;

export type { Inbox, InboxItem, InboxMaker } from './inbox-types.ts';
export type { Timing } from './timing.ts';
export type {
  AnyTypes,
  CloseReason,
  ErrorCode,
  Events,
  Herald,
  KeyValueStorage,
  Listener,
  Message,
  MessageHandler,
  Options,
  Position,
  Publication,
  Published,
  Recipients,
  Socket,
  SocketConstructor,
  Status,
  Topic,
  TopicEvents,
  TopicName,
} from './types.ts';
export { HeraldError } from './types.ts';

/** Every command there is. A new one is a file in `commands/` and a line here. */
import type { Command } from './command.ts';
import { demo } from './commands/demo.ts';
import { erase } from './commands/erase.ts';
import { history } from './commands/history.ts';
import { inbox } from './commands/inbox.ts';
import { listen } from './commands/listen.ts';
import { members } from './commands/members.ts';
import { presence } from './commands/presence.ts';
import { read } from './commands/read.ts';
import { revoke } from './commands/revoke.ts';
import { send } from './commands/send.ts';
import { start } from './commands/start.ts';
import { token } from './commands/token.ts';
import { topics } from './commands/topics.ts';
import { withdraw } from './commands/withdraw.ts';

/** In the order in which help lists them. */
export const COMMANDS = {
  start,
  demo,
  token,
  listen,
  send,
  history,
  inbox,
  read,
  withdraw,
  presence,
  revoke,
  erase,
  members,
  topics,
} satisfies Record<string, Command>;

export type CommandName = keyof typeof COMMANDS;

export const isCommandName = (name: string): name is CommandName => Object.hasOwn(COMMANDS, name);

/**
 * Parses the server's frames and throws for impossible ones: a client that used a wrong number,
 * such as a negative `seq`, would lose messages.
 */
import type { ServerFrame } from '../lambdas/protocol/frames.ts';
import type { InboxFrame } from './inbox/inbox-frames.ts';
import { HeraldError } from './types.ts';

type Fields = Record<string, unknown>;

/** What a server may send to this library. */
export type FromWire = ServerFrame | InboxFrame;

/** The names of fields that are numbers. All other fields below are texts. */
const COUNTS = ['seq', 'head', 'cursor', 'after', 'through', 'expired'];

const HEAD = ['channel', 'epoch', 'head'];
const START = [...HEAD, 'cursor'];

/** What we go by of a frame. */
const FIELDS: Record<string, string[]> = {
  ready: START,
  subscribed: START,
  unsubscribed: ['channel'],
  message: ['channel', 'seq'],
  replay: ['channel', 'epoch', 'after', 'through', 'expired'],
  pong: ['epoch', 'head'],
  published: ['id'],
  history: ['channel', 'epoch'],
  read: ['channel', 'epoch'],
  withdrawn: ['channel', 'seq'],
};

/** What we go by of each element of a frame's list. */
const LISTS: Record<string, [list: string, fields: string[]]> = {
  ready: ['subscriptions', START],
  pong: ['subscriptions', HEAD],
  replay: ['messages', ['seq']],
  published: ['results', ['channel']],
  history: ['messages', ['seq']],
};

/**
 * Undefined: no frame of ours; API Gateway has some of its own. Throws a HeraldError for a frame
 * with a wrong field.
 */
export function parseFrame(text: string): FromWire | undefined {
  const frame = parsed(text) as FromWire | null;
  if (typeof frame?.event !== 'string') return undefined;
  const field = wrongField(frame);
  if (field) throw new HeraldError('server', `bad frame: ${field} of ${frame.event}`);
  return frame;
}

/** Undefined for what is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function wrongField(frame: FromWire): string | undefined {
  const wrong = wrongOf(frame, FIELDS[frame.event]);
  if (wrong || !LISTS[frame.event]) return wrong;
  const [name, fields] = LISTS[frame.event] as [string, string[]];
  const { [name]: list = optionalList(name) } = frame as unknown as Fields;
  const isRight = Array.isArray(list) && list.every((element) => !wrongOf(element, fields));
  return isRight && !(frame.event === 'replay' && frame.after > frame.through) ? undefined : name;
}

/** A server without topics names no subscriptions. */
const optionalList = (name: string) => (name === 'subscriptions' ? [] : undefined);

const wrongOf = (value: unknown, fields: string[] = []): string | undefined =>
  fields.find((name) => {
    const field = (value as Fields | null)?.[name];
    return COUNTS.includes(name) ? !isCount(field) : typeof field !== 'string';
  });

/** A seq, or how many there are of something. */
export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

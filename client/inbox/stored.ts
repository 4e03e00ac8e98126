/** What an inbox keeps in the storage: what it shows, and the marks that the server lacks. */
import { isCount, parsed } from '../frame.ts';
import type { Message } from '../types.ts';
import type { Mark, ReadState } from './inbox-frames.ts';
import type { Listing } from './listing.ts';
import type { InboxHost } from './part.ts';
import { isRead, isReadState } from './read-state.ts';

/** What was shown last: the newest messages, and what is to be known of those before. */
export interface Shown {
  epoch: string;
  read: ReadState;
  messages: Message[];
  floor: number;
  older: number;
}

/** So many messages are kept, in so many characters of JSON: a storage has other uses. */
const MAX_KEPT = 20;
const MAX_CHARACTERS = 100_000;

export async function loadMarks(client: InboxHost, channel: string): Promise<Mark[]> {
  const marks = await load(client, channel, 'marks');
  return Array.isArray(marks) ? marks.filter((mark) => isCount(mark?.seq)) : [];
}

export const saveMarks = (client: InboxHost, channel: string, marks: Mark[]): unknown =>
  save(client, channel, 'marks', marks);

/** Undefined also for what we did not write. */
export async function loadShown(client: InboxHost, channel: string): Promise<Shown | undefined> {
  const shown = (await load(client, channel, 'inbox')) as Shown | undefined;
  const isOurs =
    isReadState(shown?.read) &&
    isCount(shown?.floor) &&
    isCount(shown.older) &&
    Array.isArray(shown.messages) &&
    shown.messages.every((message) => isCount(message?.seq));
  return isOurs ? shown : undefined;
}

export function saveShown(
  client: InboxHost,
  channel: string,
  epoch: string,
  read: ReadState,
  listing: Listing,
): unknown {
  const all = listing.messages();
  const messages: Message[] = [];
  for (const message of all) {
    messages.push(message);
    if (messages.length > MAX_KEPT || JSON.stringify(messages).length > MAX_CHARACTERS) {
      messages.pop();
      break;
    }
  }
  const left = all.slice(messages.length).filter(({ seq }) => !isRead(read, seq)).length;
  const floor = messages.length < all.length ? (messages.at(-1)?.seq ?? 0) : listing.floor;
  return save(client, channel, 'inbox', { epoch, read, messages, floor, older: listing.older + left });
}

const keyOf = (client: InboxHost, channel: string, part: string) => `${client.key(channel)}:${part}`;

const load = async (client: InboxHost, channel: string, part: string): Promise<unknown> =>
  parsed((await client.storage.getItem(keyOf(client, channel, part))) ?? '');

const save = (client: InboxHost, channel: string, part: string, value: unknown): unknown =>
  client.storage.setItem(keyOf(client, channel, part), JSON.stringify(value));

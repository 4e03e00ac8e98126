/** What the inbox and its client need of each other. */
import type { World } from '../environment.ts';
import type { Inbox } from '../inbox-types.ts';
import type { Requests } from '../requests.ts';
import type { FromServer } from '../tabs.ts';
import type { HeraldError, KeyValueStorage, Status } from '../types.ts';
import type { Mark } from './inbox-frames.ts';

/** What an inbox needs of its client. */
export interface InboxHost {
  readonly world: World;
  /** It tells of its failures and does not fail. */
  readonly storage: KeyValueStorage;
  /** Where in the storage what is of a channel is kept. */
  key(channel: string): string;
  readonly requests: Requests;
  /** A `ref` that no other request has, in whatever tab. */
  newRef(): string;
  /** Tells all other tabs of the user. */
  shareMarks(marks: Mark[]): void;
  /** This tab leads: it alone stores what all tabs know. */
  readonly isLeading: boolean;
  readonly status: Status;
  on(name: 'message', listener: () => void): () => void;
  /** Makes an `error` event. */
  error(error: HeraldError): void;
}

/** What a client needs of its inbox. */
export interface InboxPart extends Inbox {
  /** Whose inbox it is from now on, as far as the token or the server tells. */
  open(channel: string): void;
  /** Something of the user's own channel has come. */
  take(message: FromServer): void;
  /** Marks that were made in another tab. */
  adopt(marks: Mark[]): void;
  /** Another tab has come: shares with it what it cannot know. */
  greet(): void;
}

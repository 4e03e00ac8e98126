/** Whom topics belong to. `../app.ts` says what holds for every store. */
import type { Member } from '../model.ts';

export interface MemberStore {
  find(userId: string, topic: string): Promise<Member | undefined>;
  /** Returns the member as it stands: whoever is one already joined when they did. */
  add(member: Member): Promise<Member>;
  /** Whether the user was a member. */
  remove(userId: string, topic: string): Promise<boolean>;
  topicsOf(userId: string): Promise<Member[]>;
  /** A topic's members in the order of their ids, from after `after`. This list may lag behind. */
  page(topic: string, limit: number, after: string | undefined): Promise<MemberPage>;
}

export interface MemberPage {
  members: Member[];
  /** The `after` of the next page. Undefined: this page is the last. */
  next: string | undefined;
}

/** `herald-client/inbox`: the user's messages as a list with what is read, as on every device. */

import { LiveInbox } from './inbox/live-inbox.ts';
import type { InboxMaker } from './inbox-types.ts';

/** To be given as the option `inbox` of `connect()`; then there is `herald.inbox`. */
export const inbox: InboxMaker = (host) => new LiveInbox(host);

export type { Inbox, InboxItem, InboxMaker } from './inbox-types.ts';

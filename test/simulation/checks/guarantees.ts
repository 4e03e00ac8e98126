/** Which check holds which promise of `docs/guarantees.md` to account. */

/** By the number of the promise; `0` is what follows the table. A check that ends in `…` stands for all that begin so. */
export const CHECKS: Record<number, readonly string[]> = {
  1: [
    'what was answered is stored',
    'a seq never changes',
    'one publish, one message',
    'one key, one message',
    'a key conflicts only with another payload',
    'a message is kept until it expires',
    'a correct request is accepted',
  ],
  2: [
    'every device catches up …',
    'no message is skipped',
    'a sync brings what follows',
    'a replay leaves nothing out',
    'what is sent is what is stored',
    'what is told is what is stored',
    'a new device starts where the user stands',
    'the history is complete',
    'a subscription is written before the head is read',
    'a member hears everything since the join was answered',
  ],
  3: ['seqs are dense', 'a seq is never reused', 'an epoch never changes', 'the head never goes'],
  4: ['the origin device is not told', 'only the device of a tab is told of the tab'],
  5: [
    'no frame reaches another user',
    'no frame after the token expired',
    'a dismissed connection hears only its bye',
    'no connection without a token',
    'nobody hears what is not theirs to hear',
    'a member hears nothing of before joining',
    'nothing comes after it was unsubscribed',
    'nobody publishes what the token does not allow',
    'who may hear a topic is not refused',
  ],
  6: [
    'a cursor never goes back',
    'a cursor never passes the head',
    'a cursor passes only what the device was given',
    'acks are taken as a whole',
    'the cursor of an `auto` device follows what it was given',
    'what the library has finished is acknowledged with its next ping',
    'the furthest is where a device stood',
  ],
  7: ['nothing expired is sent', 'what retention removed is told', 'what a newer message stands for is told'],
  8: [
    'an open socket is ready or closed in the end',
    'an open socket has one row',
    'rows of closed sockets go',
    'subscriptions go with their connections',
    'an open, young connection keeps its row',
    'a hand-over displaces nothing before it is ready',
    'a ready hand-over displaces the older connection',
    'only a newer connection replaces one',
    'only who has too many connections is told so',
  ],
  9: [
    'a replay waits for acks after a window',
    'work per message is bounded',
    'what was taken live is not sent again',
    'the world comes to rest',
  ],
  13: [
    'no mark is lost',
    'a mark that was taken is kept',
    'a mark changes what it names, and nothing else',
    'single marks are absorbed',
    'nothing past the head is read',
    'each read state follows the one before it',
    'no older read state is told',
    'what is told of marks is what stood',
    'what is read is shown to nobody else',
    'every connection is told what is read …',
    'a history is of the channel that was asked for',
    'a history is newest first and complete',
    'a history says what is read',
  ],
  14: [
    'a message is withdrawn once',
    'a withdrawal takes the content, and nothing else',
    'a withdrawal is kept as long as what it withdraws',
    'nothing withdrawn is sent',
    'what was answered as withdrawn has no content',
    'what is kept can be withdrawn',
  ],
  15: [
    'nothing of an erased user remains',
    'nothing of an erased user comes back',
    'erasing touches nobody else',
  ],
  0: [
    'a STOMP connection hears each seq once and in order',
    'a STOMP device misses nothing',
    'a STOMP device catches up …',
    'a STOMP client that reads is not closed',
    '`ready` is the first frame',
    '`ready` and its replay come once',
    'one bad connection never harms the others',
    'nothing is left un-awaited',
    'no token in a log line',
    'a client takes each message once',
    'no unhandled rejection',
    'a Lambda does only what it may',
  ],
};

/** The number of the promise that a violation breaks. */
export function promiseOf(violated: string): number {
  for (const [promise, checks] of Object.entries(CHECKS))
    if (checks.some((check) => isCheck(check, violated))) return Number(promise);
  throw new Error(`no promise is held to account by “${violated}”`);
}

export const isCheck = (check: string, violated: string): boolean =>
  check.endsWith('…') ? violated.startsWith(check.slice(0, -1)) : violated === check;

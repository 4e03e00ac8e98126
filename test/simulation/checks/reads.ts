/** Holds the rows of what is read, and what is told of them, against the marks that were made. */
import { READ_STATE_ID } from '../../../lambdas/adapters/dynamodb/tables.ts';
import type { ServerFrame } from '../../../lambdas/protocol/frames.ts';
import { type Mark, parseMark } from '../../../lambdas/protocol/read-mark.ts';
import type { Change } from '../dynamodb/database.ts';
import type { Invocation, Outcome } from '../world/invocation.ts';
import type { Socket } from '../world/sockets.ts';
import type { Violated } from './judge.ts';
import type { Ledger } from './ledger.ts';
import { holdsMark, isShortest, marked, sameSeqs, seqsOf, stateIn, type Told } from './read-values.ts';

/** A mark that an invocation was asked to make. */
interface Making extends Asked {
  /** What is read held the mark, at one moment of the invocation at least. */
  isHeld: boolean;
  isRefused: boolean;
  /** The version that it wrote. */
  wrote: number | undefined;
  /** It has logged that a connection could not be told. */
  gaveUp: boolean;
}

interface Stood extends Told {
  read: ReadonlySet<number>;
  at: number;
}

/** Whether a connection is served: its row is there, and not marked to be closed. */
type IsServed = (connection: { userId: string; id: string }) => boolean;

interface Asking {
  isServed: IsServed;
  /** The rows of this user go at the moment. */
  isErasing: (userId: string) => boolean;
}

/** A connection that is younger may not have heard its `ready` yet. */
const OPENING_MS = 10_000;

const NOTHING: ReadonlySet<number> = new Set();
const nothingRead = { version: 0, epoch: '', through: 0, seqs: [], read: NOTHING, at: 0 };

export class Reads {
  /** By user, every state that ever stood, in order. */
  readonly #stood = new Map<string, Stood[]>();
  readonly #makings = new Map<number, Making>();
  /** By user, the newest version that open connections must have been told. */
  readonly #owed = new Map<string, number>();
  /** By connection, the newest version that the gateway took for it. */
  readonly #knows = new Map<string, number>();
  readonly #ledger: Ledger;
  readonly #isServed: IsServed;
  readonly #isErasing: Asking['isErasing'];
  readonly #violated: Violated;
  readonly #now: () => number;

  constructor(ledger: Ledger, { isServed, isErasing }: Asking, violated: Violated, now: () => number) {
    this.#ledger = ledger;
    this.#isServed = isServed;
    this.#isErasing = isErasing;
    this.#violated = violated;
    this.#now = now;
  }

  /** Nothing is known of what a user has read: the user is erased. */
  forget(userId: string): void {
    this.#stood.delete(userId);
    this.#owed.delete(userId);
  }

  invoked({ id, lambda }: Invocation, event: unknown): void {
    const asked =
      lambda === 'message' ? markOfFrame(event) : lambda === 'users' ? markOfRequest(event) : undefined;
    if (!asked) return;
    const isHeld = holdsMark(this.#standing(asked.userId), asked.mark);
    this.#makings.set(id, { ...asked, isHeld, isRefused: false, wrote: undefined, gaveUp: false });
  }

  changed({ before, after, cause }: Change, writer: Invocation | undefined): void {
    const row = after ?? before;
    if (row?.deviceId !== READ_STATE_ID || cause === 'restore') return;
    const userId = String(row.userId);
    if (after) this.#replaced(userId, before && stateIn(before), stateIn(after), writer);
    else this.#violated('no mark is lost', `${userId}: the row is gone`);
  }

  #replaced(userId: string, was: Told | undefined, is: Told, writer: Invocation | undefined): void {
    if (is.version !== (was?.version ?? 0) + 1)
      this.#violated(
        'each read state follows the one before it',
        `${userId}: ${was?.version}, ${is.version}`,
      );
    const making = this.#makings.get(writer?.id ?? 0);
    if (making?.userId === userId) {
      making.wrote = is.version;
      this.#checkMarked(making, was?.epoch === is.epoch ? seqsOf(was) : NOTHING, is);
    } else this.#violated('no mark is lost', `${userId}: nobody marked`);
    const stood = this.#stood.get(userId) ?? [];
    this.#stood.set(userId, [...stood, { ...is, read: seqsOf(is), at: this.#now() }]);
    for (const other of this.#makings.values())
      if (other.userId === userId) other.isHeld ||= holdsMark(this.#standing(userId), other.mark);
  }

  #checkMarked({ userId, mark }: Making, before: ReadonlySet<number>, is: Told): void {
    const read = seqsOf(is);
    // Versions begin anew with each row: a mark may follow a state that went, as if it were another
    // of that version. All of them are of the epoch that ends.
    if (!this.#isErasing(userId) && !sameSeqs(read, marked(before, mark))) {
      const what = `${JSON.stringify(mark)} of ${[...before]} made ${[...read]}`;
      this.#violated('a mark changes what it names, and nothing else', `${userId}: ${what}`);
    }
    if (!isShortest(is)) this.#violated('single marks are absorbed', `${userId}: ${JSON.stringify(is)}`);
    const channel = `user:${userId}`;
    if (this.#ledger.channel(channel).epoch !== is.epoch) return;
    const head = this.#ledger.committedHead(channel);
    const newest = Math.max(0, ...read);
    if (newest > head) this.#violated('nothing past the head is read', `${userId}: ${newest} of ${head}`);
  }

  /** A Lambda is about to post. */
  posting(invocation: Invocation, socket: Socket | undefined, frame: ServerFrame): void {
    const making = this.#makings.get(invocation.id);
    if (making && frame.event === 'error') making.isRefused = true;
    if (!socket || (frame.event !== 'read' && frame.event !== 'ready')) return;
    if (frame.channel !== `user:${socket.userId}`) {
      const whose = `${socket.id} (${socket.userId}): ${frame.channel}`;
      this.#violated('what is read is shown to nobody else', whose);
    }
    const told = frame.event === 'read' ? frame : frame.read;
    if (told) this.checkTold(socket.userId, { ...told, epoch: frame.epoch }, invocation.startedAt);
  }

  /** Something that began at `since` tells the state of a user. */
  checkTold(userId: string, { epoch, version, through, seqs }: Told, since: number): void {
    const isOfNow = this.#ledger.channel(`user:${userId}`).epoch === epoch;
    const stood = this.#stood.get(userId)?.find((state) => state.version === version);
    const read = stood?.epoch === epoch ? stood.read : NOTHING;
    const isTrue = version === 0 || stood !== undefined;
    if (isOfNow && !(isTrue && sameSeqs(read, seqsOf({ through, seqs }))))
      this.#violated(
        'what is told of marks is what stood',
        `${userId}: version ${version}, ${through}, ${seqs}`,
      );
    const newest = this.#versionAt(userId, since);
    if (version >= newest) return;
    this.#violated('no older read state is told', `${userId}: ${version}, and ${newest} stood before`);
  }

  /** The states that stood from `since` on, in the epoch of the channel. */
  statesSince(userId: string, since: number): ReadonlySet<number>[] {
    const all = [nothingRead, ...(this.#stood.get(userId) ?? [])];
    const first = all.findLastIndex(({ at }) => at <= since);
    return all.slice(first).map((state) => this.#inEpoch(userId, state));
  }

  /** The gateway has taken it. */
  accepted({ id }: Socket, frame: ServerFrame): void {
    const told = frame.event === 'read' ? frame : frame.event === 'ready' ? frame.read : undefined;
    if (told) this.#knows.set(id, Math.max(told.version, this.#knows.get(id) ?? 0));
  }

  gaveUp({ id }: Invocation): void {
    const making = this.#makings.get(id);
    if (making) making.gaveUp = true;
  }

  /** A connection was closed instead of obeyed, or its mark was refused over HTTPS. */
  refused({ id }: Invocation): void {
    const making = this.#makings.get(id);
    if (making) making.isRefused = true;
  }

  finished({ id }: Invocation, outcome: Outcome, hasSucceeded: boolean): void {
    const making = this.#makings.get(id);
    if (!making || !hasSucceeded || hasRefused(outcome)) return;
    const { userId, mark, connectionId, isHeld, isRefused, wrote, gaveUp } = making;
    // A connection that is being closed is not obeyed.
    const isObeyed = connectionId === undefined || this.#isServed({ userId, id: connectionId });
    if (!isHeld && !isRefused && isObeyed)
      this.#violated('a mark that was taken is kept', `${userId}: ${JSON.stringify(mark)} by #${id}`);
    if (wrote !== undefined && !gaveUp) this.#owed.set(userId, Math.max(wrote, this.#owed.get(userId) ?? 0));
  }

  /** What marks were made is known to every connection that is open. */
  checkAllTold(sockets: Iterable<Socket>, when: string): void {
    for (const socket of sockets) {
      const { id, userId, deviceId, state, dead, connectedAt } = socket;
      if (state !== 'open' || dead || !this.#isServed(socket)) continue;
      // It may open just now, as a hand-over does whenever its time has come.
      if (this.#now() - connectedAt < OPENING_MS) continue;
      const owed = this.#owed.get(userId) ?? 0;
      const knows = this.#knows.get(id) ?? -1;
      if (knows >= owed) continue;
      const what = `${userId}/${deviceId} (${id}) knows version ${knows} of ${owed}`;
      this.#violated(`every connection is told what is read ${when}`, what);
    }
  }

  #standing(userId: string): ReadonlySet<number> {
    return this.#inEpoch(userId, this.#stood.get(userId)?.at(-1) ?? nothingRead);
  }

  #inEpoch(userId: string, { epoch, read }: Stood): ReadonlySet<number> {
    return this.#ledger.channel(`user:${userId}`).epoch === epoch ? read : NOTHING;
  }

  #versionAt(userId: string, instant: number): number {
    return this.#stood.get(userId)?.findLast(({ at }) => at <= instant)?.version ?? 0;
  }
}

const hasRefused = (outcome: Outcome): boolean => {
  const { statusCode = 200 } = (outcome.kind === 'returned' ? outcome.value : undefined) as {
    statusCode?: number;
  };
  return statusCode !== 200;
};

interface Asked {
  userId: string;
  mark: Mark;
  /** Undefined: a service asked. */
  connectionId: string | undefined;
}

function markOfFrame(event: unknown): Asked | undefined {
  const { body, requestContext } = event as {
    body?: string;
    requestContext: { connectionId: string; authorizer: { userId: string } };
  };
  const fields = objectIn(body);
  if (fields?.action !== 'read') return undefined;
  return markIn(requestContext.authorizer.userId, fields, requestContext.connectionId);
}

function markOfRequest(event: unknown): Asked | undefined {
  const { routeKey, body, pathParameters } = event as {
    routeKey?: string;
    body?: string;
    pathParameters: { userId: string };
  };
  const fields = objectIn(body);
  return routeKey === PUT_READ && fields ? markIn(pathParameters.userId, fields) : undefined;
}

export const PUT_READ = 'PUT /users/{userId}/read';

function markIn(userId: string, fields: Record<string, unknown>, connectionId?: string): Asked | undefined {
  const mark = parseMark(fields);
  return 'message' in mark ? undefined : { userId, mark, connectionId };
}

function objectIn(body: string | undefined): Record<string, unknown> | undefined {
  try {
    return JSON.parse(body ?? '') ?? undefined;
  } catch {
    return undefined;
  }
}

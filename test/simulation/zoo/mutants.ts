/**
 * Small ways to break Herald, each a text replaced in one source file as it is loaded. All must be caught; one that is not is a
 * hole in the checks. `find` stands exactly once in the file, so that a mutant cannot silently die out.
 */
import { ERASE_MUTANTS } from './erase-mutants.ts';
import { EVENT_MUTANTS } from './event-mutants.ts';
import { KEY_MUTANTS } from './key-mutants.ts';
import { RARE_MUTANTS } from './rare-mutants.ts';
import { READ_MUTANTS } from './read-mutants.ts';
import { client, domain, handler, store, wire } from './sources.ts';
import { START_MUTANTS } from './start-mutants.ts';
import { STOMP_MUTANTS } from './stomp-mutants.ts';
import { TOPIC_MUTANTS } from './topic-mutants.ts';
import { WITHDRAWAL_MUTANTS } from './withdrawal-mutants.ts';

export interface Mutant {
  name: string;
  file: string;
  find: string;
  replace: string;
  /** Where it is hunted. @default the world of the channels */
  world?: 'events';
}

export const MUTANTS: Mutant[] = [
  {
    name: 'a publisher does not wait for ready',
    file: domain('publish/deliver'),
    find: "if (subscription.paused || subscription.readyAt === undefined) return 'deferred';",
    replace: "if (subscription.paused) return 'deferred';",
  },
  {
    name: 'a 410 deletes the row of a connection that still opens',
    file: domain('connection/send'),
    find: 'clock.now() - connectedAt < YOUNG_MS',
    replace: 'clock.now() - connectedAt < 0',
  },
  {
    name: 'a 410 before the handshake is over ends the replay',
    file: domain('connection/first-frame'),
    find: 'if (mayBeOpening(app, subscription)) await lookAgain(app, subscription, startId);',
    replace: 'if (mayBeOpening(app, subscription)) return false;',
  },
  {
    name: 'connections are looked up with a lagging read',
    file: store('query-all'),
    find: 'ConsistentRead: true,',
    replace: 'ConsistentRead: false,',
  },
  {
    name: 'the head is read with a lagging read',
    file: store('log-store'),
    find: 'Key: headKey(channel), ConsistentRead: true',
    replace: 'Key: headKey(channel), ConsistentRead: false',
  },
  {
    name: 'connections are looked up before the commit',
    file: domain('publish/publish'),
    find: 'const appended = await app.log.append(channel, draft);',
    replace: `const early = channel.kind === 'user' ? await app.connections.list(channel.owner) : [];
    const appended = await app.log.append(channel, draft);
    app = { ...app, connections: { ...app.connections, async *pages() { yield early; } } };`,
  },
  {
    name: 'the log is read before ready is marked',
    file: domain('session/start'),
    find: 'const isResumed = await catchUp(app, subscription, { after: from, deadlineAt, lease: held });',
    replace:
      'const isResumed = await catchUp(app, subscription, { after: from, deadlineAt, lease: held, head });',
  },
  {
    name: 'ready is marked before it is sent',
    file: domain('session/start'),
    find: 'const outcome = await sendReady(app, connection, readiness);',
    replace: `await app.subscriptions.markReady(subscription, app.clock.now(), startOfAnonymous(connection, head));
  const outcome = await sendReady(app, connection, readiness);`,
  },
  {
    name: 'only the first page of connections counts',
    file: store('query-all'),
    find: 'start = page.LastEvaluatedKey;',
    replace: 'start = undefined;',
  },
  {
    name: 'a page of the log is taken for all of it',
    file: store('log-store'),
    find: 'through: LastEvaluatedKey?.seq ?? through',
    replace: 'through',
  },
  {
    name: 'a hole is taken for expired',
    file: domain('log/read'),
    find: 'sentAt >= before && gap < seq',
    replace: 'false && gap < seq',
  },
  {
    name: 'a hole is looked at with a plain read',
    file: domain('log/read'),
    find: 'const proof = await log.store.prove(channel, seqs);',
    replace: `const again = await log.store.query(channel, first - 1, seqs.at(-1) ?? first);
    const proof = { outcome: 'proven' as 'proven' | 'in_doubt', present: again.messages };`,
  },
  {
    name: 'a seq in doubt is taken for expired',
    file: domain('log/read'),
    find: 'return { present: [], through: first - 1 };',
    replace: 'return { present: [] };',
  },
  {
    name: 'what has expired is sent',
    file: domain('log/read'),
    find: 'expiresAt > now && withdrawnBy === undefined',
    replace: 'withdrawnBy === undefined',
  },
  {
    name: 'counter, then message',
    file: store('log-store'),
    find: "await dynamodb.call('TransactWriteItems', { TransactItems });",
    replace: `await dynamodb.call('TransactWriteItems', { TransactItems: TransactItems.slice(0, 1) });
        await dynamodb.call('TransactWriteItems', { TransactItems: TransactItems.slice(1) });`,
  },
  {
    name: 'an append of unknown outcome is not looked for',
    file: domain('log/append'),
    find: 'if (standing) return',
    replace: 'if (standing && faults < 0) return',
  },
  {
    name: 'the head expires',
    file: store('message-rows'),
    find: '  updatedAt,\n  ...(keys?.recent !== undefined',
    replace:
      '  updatedAt,\n  ...{ expiresAt: toSeconds(updatedAt + 60_000) },\n  ...(keys?.recent !== undefined',
  },
  {
    name: 'seconds for milliseconds',
    file: store('tables'),
    find: 'Math.ceil(milliseconds / 1000)',
    replace: 'Math.ceil(milliseconds)',
  },
  {
    name: 'a cursor moves without a condition',
    file: store('device-store'),
    find: `\${notExpired} AND \${mayMove(from)}`,
    replace: `\${notExpired}`,
  },
  {
    name: 'a cursor of another numbering counts',
    file: domain('cursor'),
    find: 'if (cursor?.epoch === head.epoch) {',
    replace: 'if (cursor !== undefined) {',
  },
  {
    name: 'a live message jumps over a replay under way',
    file: domain('cursor'),
    find: 'const move = { to: { epoch, seq }, from: seq - 1 };\n  for',
    replace: 'const move = { to: { epoch, seq } };\n  for',
  },
  {
    name: 'a new device starts at the head',
    file: domain('cursor'),
    find: 'await startOfNew(app, { userId, connectionId }, channel, head.epoch)',
    replace: 'head.seq',
  },
  {
    name: 'a new device starts at the beginning',
    file: domain('cursor'),
    find: 'await startOfNew(app, { userId, connectionId }, channel, head.epoch)',
    replace: '0',
  },
  {
    name: 'an ack may pass the head',
    file: domain('session/commands'),
    find: 'if (!(await app.log.has(channel, head, seq)))',
    replace: 'if (seq < 0)',
  },
  {
    name: 'the channel of an ack is not checked',
    file: domain('session/commands'),
    find: "if (channel.kind === 'user') throw",
    replace: "if (channel.kind === 'user') return own;\n  if (channel === undefined) throw",
  },
  {
    name: 'the origin is excluded live only',
    file: domain('session/kept'),
    find: 'if (isExcluded(message, hearer)) return { seq, told: undefined, isCollapsed: false };',
    replace: '',
  },
  {
    name: 'the origin is excluded in replays only',
    file: domain('publish/deliver'),
    find: 'isExcluded(message, subscription) || isEarlier',
    replace: 'isEarlier',
  },
  {
    name: 'a frame says `through` one too far',
    file: wire('herald/replay'),
    find: 'const last = entry.seq - 1;',
    replace: 'const last = entry.seq;',
  },
  {
    name: 'posts go on after the token expired',
    file: domain('connection/send'),
    find: "if (isExpired(app, connection)) return 'expired';",
    replace: '',
  },
  {
    name: 'a dismissed connection is posted to',
    file: domain('publish/deliver'),
    find: 'if (connection.bye === undefined) yield',
    replace: 'yield',
  },
  {
    name: 'a connection is marked and nobody is asked to close it',
    file: store('connection-store'),
    find: "'SET bye = if_not_exists(bye, :code), replayRequestId = :request REMOVE replayAfter'",
    replace: "'SET bye = if_not_exists(bye, :code)'",
  },
  {
    name: 'one failure ends the delivery to all',
    file: 'lambdas/concurrency.ts',
    find: `results.push(await task(next.value));
  };
  await allEnded(Array.from({ length: limit }, worker));`,
    replace: `{
        const result = await task(next.value);
        results.push(result);
        if (result !== ('sent' as unknown)) return;
      }
  };
  await allEnded(Array.from({ length: 1 }, worker));`,
  },
  {
    name: 'a refused post is not made good',
    file: domain('connection/pause'),
    find: `  await tryLater(app, subscription, at);
}`,
    replace: '}',
  },
  {
    name: 'a post is not awaited',
    file: domain('session/receive'),
    find: 'if (reply !== undefined) await send(app, connection, reply);',
    replace: 'if (reply !== undefined) void send(app, connection, reply);',
  },
  {
    name: 'ready is marked un-awaited',
    file: domain('session/start'),
    find: 'const marked = await app.connections.markStarted(connection, started);',
    replace: `void app.connections.markStarted(connection, started);
  const marked = { wanted: undefined as number | undefined };`,
  },
  {
    name: 'a replay sends everything at once',
    file: domain('session/replay'),
    find: "if (frame.more && frames === REPLAY_WINDOW_FRAMES) return await ended('window');",
    replace: '',
  },
  {
    name: 'a replay asks for another replay',
    file: domain('session/replay'),
    find: 'frames += 1;',
    replace: 'frames += 1; await app.connections.requestReconcile(connection, app.ids.next());',
  },
  {
    name: 'a failed replay is not reported',
    file: handler('reconcile'),
    find: 'return [{ itemIdentifier }];',
    replace: 'return [];',
  },
  {
    name: 'a replay forgets where it was asked to begin',
    file: store('stream-records'),
    find: 'return after === undefined ? undefined : Number(after);',
    replace: 'return undefined;',
  },
  {
    name: 'the newest connection of a device is replaced',
    file: domain('connection/limits'),
    find: 'other.connectedAt - one.connectedAt ||',
    replace: 'one.connectedAt - other.connectedAt ||',
  },
  {
    name: 'a disconnect removes all connections of the device',
    file: handler('disconnect'),
    find: 'await app.connections.remove(identify(requestContext));',
    replace: `{
      const { userId, deviceId } = identify(requestContext);
      for (const connection of await app.connections.list(userId)) {
        if (connection.deviceId === deviceId) await app.connections.remove(connection);
      }
    }`,
  },
  {
    name: 'a connection without a row is obeyed',
    file: domain('session/receive'),
    find: 'await app.gateway.close({ ...sender, endpoint: app.settings.callbackUrl });',
    replace: '',
  },
  {
    name: 'a refused token is logged',
    file: handler('authorizer'),
    find: "'token refused', { reason: error.message }",
    replace: "'token refused', { reason: error.message, token }",
  },
  {
    name: 'updates bring closed connections back',
    file: store('serving'),
    find: `      ConditionExpression: stillOpen,
`,
    replace: '',
  },
  {
    name: 'expired devices are remembered',
    file: store('device-store'),
    find: 'idOf(row) > BEFORE_DEVICES && isLive(row)',
    replace: 'idOf(row) > BEFORE_DEVICES',
  },
  {
    name: 'what retention removed is not counted',
    file: wire('herald/replay'),
    find: 'const expired = through - after - kept;',
    replace: 'const expired = 0;',
  },
  {
    name: 'the client acknowledges the highest it has heard of',
    file: client('sequence'),
    find: 'seq: first ? first.message.seq - 1 : this.#settled',
    replace: 'seq: first ? first.message.seq - 1 : this.#known',
  },
  {
    name: 'the client believes a `through` beyond a gap',
    file: client('sequence'),
    find: 'from <= this.#settled ? through : this.#settled',
    replace: 'through',
  },
  {
    name: 'the client does not ask for what is missing',
    file: client('gaps'),
    find: 'if (!this.#sync(after)) return;',
    replace: 'if (after >= 0) return;',
  },
  {
    name: 'the client does not recognize what it has had',
    file: client('sequence'),
    find: 'if (seq <= this.#settled || this.#early.has(seq)) return;',
    replace: 'if (this.#early.has(seq)) return;',
  },
  {
    name: 'the client does not notice another numbering',
    file: client('sequence'),
    find: 'const continues = before?.epoch === epoch &&',
    replace: 'const continues = before !== undefined &&',
  },
  {
    name: 'the client does not look at the epoch of a frame',
    file: client('incoming'),
    find: 'if (!subscription || subscription.epoch === epoch) return subscription;',
    replace: 'if (!subscription || epoch) return subscription;',
  },
  {
    name: 'acks that ride along are lost',
    file: client('connection'),
    find: 'acks: this.#host.riding(this)',
    replace: 'lost: this.#host.riding(this)',
  },
  {
    name: 'the acks of a ping are passed over',
    file: domain('session/commands'),
    find: 'if (frame.acks) await ack(app, connection, frame.acks, frame.ref);',
    replace: '',
  },
  {
    name: 'a paused connection is not resumed',
    file: domain('session/catch-up'),
    find: 'if (!(await app.subscriptions.resume(subscription, subscription.paused))) {',
    replace: 'if (after < 0 && !(await app.subscriptions.resume(subscription, subscription.paused))) {',
  },
  {
    name: 'what passed a paused connection by while it was resumed is not read',
    file: domain('session/catch-up'),
    find: "if (end !== 'caught_up') return true;",
    replace: "if (end === 'caught_up') return true;",
  },
  {
    name: 'a paused anonymous device begins where the newest was refused',
    file: store('serving'),
    find: "const pausedFurtherOn = 'pausedAfter > :after';",
    replace: "const pausedFurtherOn = 'pausedAfter < :after';",
  },
  {
    name: 'a connection that never reads is never closed',
    file: domain('connection/pause'),
    find: 'if (isOutOfPatience(app, subscription, paused.at)) {',
    replace: 'if (app.clock.now() < 0) {',
  },
  {
    name: 'a lease of a replay never lapses',
    file: store('serving'),
    find: 'attribute_not_exists(replayUntil) OR replayUntil <= :now OR',
    replace: 'attribute_not_exists(replayUntil) OR (replayUntil <= :now AND replayHolder = :holder) OR',
  },
  {
    name: 'a replay whose lease answer was lost takes itself for another',
    file: store('serving'),
    find: ' OR replayHolder = :holder)',
    replace: ' OR (replayHolder = :holder AND replayUntil <= :now))',
  },
  {
    name: 'a refusal fails the record',
    file: domain('connection/pause'),
    find: '  if (paused === undefined) return await pause(app, subscription, after);',
    replace: "  if (paused === undefined) throw new Error('refused');",
  },
  {
    name: 'the furthest of the devices is not kept',
    file: domain('cursor'),
    find: 'if (furthest?.epoch === to.epoch && furthest.seq >= to.seq) return true;',
    replace: 'if (furthest?.epoch === to.epoch) return true;',
  },
  {
    name: 'a new device begins twice',
    file: domain('cursor'),
    find: "const move = { to: { epoch: head.epoch, seq: start }, from: 'anew' as const };",
    replace: 'const move = { to: { epoch: head.epoch, seq: start } };',
  },
  {
    name: 'what another replay wanted is forgotten',
    file: store('serving'),
    find: "if (await endIf('replayWanted < :through', back, request)) return;",
    replace: "if (await endIf('replayWanted < :through', '', { ':through': through })) return;",
  },
  ...KEY_MUTANTS,
  ...RARE_MUTANTS,
  ...READ_MUTANTS,
  ...START_MUTANTS,
  ...STOMP_MUTANTS,
  ...ERASE_MUTANTS,
  ...TOPIC_MUTANTS,
  ...WITHDRAWAL_MUTANTS,
  ...EVENT_MUTANTS,
];

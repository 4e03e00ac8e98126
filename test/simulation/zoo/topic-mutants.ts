/** Ways to break topics, members, everyone and the fan-out. */
import type { Mutant } from './mutants.ts';
import { client, domain, handler, store, wire } from './sources.ts';

export const TOPIC_MUTANTS: Mutant[] = [
  {
    name: 'a subscription is written after the head is read',
    file: domain('channel/subscribe'),
    find: `const subscription = await add(app, connection, channel, { frame, permitted, member });
  if (subscription === undefined) return undefined;
  const head = await app.log.open(channel);`,
    replace: `const head = await app.log.open(channel);
  const subscription = await add(app, connection, channel, { frame, permitted, member });
  if (subscription === undefined) return undefined;
  app = { ...app, log: { ...app.log, open: async () => head } };`,
  },
  {
    name: 'what follows an answer that seems lost is lost',
    file: domain('channel/subscribe'),
    find: "else if (answered === 'throttled' || answered === 'failed') await pause(app, subscription, start);",
    replace: '',
  },
  {
    name: 'anybody may subscribe',
    file: domain('channel/subscribe'),
    find: 'if (!permitted && member === undefined) throw forbidden(channel, frame.ref);',
    replace: '',
  },
  {
    name: 'a removal leaves the subscriptions',
    file: domain('channel/members'),
    find: 'const removed = await app.subscriptions.removeFormerMember(key, topic);',
    replace: 'const removed = false;',
  },
  {
    name: 'a member is removed after the connections',
    file: domain('channel/members'),
    find: 'const wasMember = await app.members.remove(userId, topic);',
    replace: `const wasMember = true;
  const { subscriptions, members } = app;
  const removeFormerMember = async (key: Parameters<typeof subscriptions.find>[0]) => {
    const standing = await subscriptions.find(key);
    const removed = standing !== undefined && !standing.permitted;
    if (removed) await subscriptions.remove(key);
    await members.remove(userId, topic);
    return removed;
  };
  app = { ...app, subscriptions: { ...subscriptions, removeFormerMember } };`,
  },
  {
    name: 'a member is not looked for in the transaction',
    file: store('subscription-store'),
    find: 'const member = asMember && memberCheck(connection.userId, asMember.topic, isMember);',
    replace: 'const member = undefined;',
  },
  {
    name: 'a connection that is gone subscribes',
    file: store('subscription-store'),
    find: `\${isOpen} AND \${hasRoom}`,
    replace: `attribute_not_exists(bye) AND \${hasRoom}`,
  },
  {
    name: 'a dismissal leaves the subscriptions',
    file: store('connection-store'),
    find: 'await removeSubscriptions(key, (marked?.Attributes ?? {}) as Partial<ConnectionRow>);',
    replace: '',
  },
  {
    name: 'subscriptions stay when their connection goes',
    file: store('connection-store'),
    find: 'await removeSubscriptions(key, (Attributes ?? key) as Partial<ConnectionRow>);',
    replace: '',
  },
  {
    name: 'a subscription that is left over stays',
    file: domain('connection/send'),
    find: "if (subscription.channel.kind !== 'user') await app.subscriptions.remove(subscription);",
    replace: '',
  },
  {
    name: 'a connection hears everyone before ready',
    file: store('connection-store'),
    find: 'Item: subscriptionRowOf(channel, connection, { permitted: true }),',
    replace:
      'Item: subscriptionRowOf(channel, connection, { permitted: true, readyAt: connection.connectedAt }),',
  },
  {
    name: 'the heads are not read again once all is open',
    file: domain('channel/initial'),
    find: 'state.cursor >= state.head && head.seq > state.head',
    replace: 'state.cursor < 0 && head.seq < 0',
  },
  {
    name: 'the rest of the subscribers is not queued',
    file: domain('publish/deliver'),
    find: 'if (ranges.length === 0) return;',
    replace: 'if (ranges.length >= 0) return;',
  },
  {
    name: 'a gap between two ranges',
    file: domain('publish/ranges'),
    find: 'from: index === 0 ? next : border(index),',
    replace: 'from: index === 0 ? next : border(index + 0.5),',
  },
  {
    name: 'the last range ends with the last border',
    file: domain('publish/ranges'),
    find: 'to: index === count - 1 ? ALL_SUBSCRIBERS.to : border(index + 1),',
    replace: 'to: border(index + 0.5),',
  },
  {
    name: 'a range ends with its first page',
    file: domain('publish/fan-out'),
    find: 'from = page.next;',
    replace: 'from = undefined;',
  },
  {
    name: 'the rest of a range is lost at the deadline',
    file: domain('publish/fan-out'),
    find: 'await app.fanOut.send([{ ...task, from }]);',
    replace: '',
  },
  {
    name: 'a range that failed is not reported',
    file: handler('fan-out'),
    find: 'return [{ itemIdentifier: record.messageId }];',
    replace: 'return [];',
  },
  {
    name: 'anybody may publish',
    file: domain('publish/publish-frame'),
    find: 'if (refused)',
    replace: 'if (refused && ref === undefined && tab)',
  },
  {
    name: 'a sync reaches back before the join',
    file: domain('session/commands'),
    find: 'const after = Math.max(asked, earliest ?? 0);',
    replace: 'const after = asked;',
  },
  {
    name: 'an old cursor reaches back before the join',
    file: domain('cursor'),
    find: 'if (device && cursor?.epoch === epoch && cursor.seq >= earliest) {',
    replace: 'if (device && cursor?.epoch === epoch) {',
  },
  {
    name: 'a member begins at the head',
    file: domain('cursor'),
    find: '(seqIn(head, joined) ?? head.seq)',
    replace: 'head.seq',
  },
  {
    name: 'a device of another user with the same name is the origin',
    file: domain('origin'),
    find: 'if (originUserId !== undefined && originUserId !== userId) return false;',
    replace: '',
  },
  {
    name: 'a device is not told what one of its tabs caused',
    file: domain('origin'),
    find: 'origin.originTab === undefined && isOrigin',
    replace: 'isOrigin',
  },
  {
    name: 'every message with a key is taken for an older one',
    file: domain('session/kept'),
    find: 'collapseKey !== undefined && newest.get(collapseKey) !== seq',
    replace: 'collapseKey !== undefined && newest.size > 0 && seq > 0',
  },
  {
    name: 'a removal believes that there is nothing to remove',
    file: domain('channel/members'),
    find: 'const removed = await app.subscriptions.removeFormerMember(key, topic);',
    replace: 'const removed = subscription && (await app.subscriptions.removeFormerMember(key, topic));',
  },
  {
    name: 'a removal takes what a later join gave',
    file: store('subscription-store'),
    find: 'return removeIf(key, condition, memberCheck(key.userId, topic, isNoMember));',
    replace: 'return removeIf(key, condition);',
  },
  {
    name: 'a connection that is being closed subscribes',
    file: store('subscription-store'),
    find: `\${isOpen} AND \${hasRoom}`,
    replace: `attribute_exists(userId) AND \${hasRoom}`,
  },
  {
    name: 'a message of before the join is posted',
    file: domain('publish/deliver'),
    find: ' || isEarlier(live, subscription)',
    replace: '',
  },
  {
    name: 'a sync needs no subscription',
    file: domain('session/commands'),
    find: 'const subscription = await app.subscriptions.find(key);',
    replace: `const subscription = (await app.subscriptions.find(key)) ?? {
    ...connection,
    channel,
    permitted: true,
    readyAt: 0,
    startsAt: undefined,
    paused: undefined,
  };`,
  },
  {
    name: 'a subscribe reaches back before the join',
    file: domain('cursor'),
    find: 'const start = Math.max(named, seqIn(head, startsAt) ?? 0);',
    replace: 'const start = named;',
  },
  {
    name: 'an old cursor reaches back before the join, as a connection opens',
    file: domain('channel/initial'),
    find: 'if (known?.epoch === head.epoch && known.seq >= earliest) return known.seq;',
    replace: 'if (known?.epoch === head.epoch) return known.seq;',
  },
  {
    name: 'acks are written before all are checked',
    file: domain('session/commands'),
    find: 'for (const one of opened) await checkAck(app, device, one, ref);',
    replace: `for (const one of opened) {
    await checkAck(app, device, one, ref);
    await acknowledge(app, device, one.channel, { epoch: one.head.epoch, seq: one.seq });
  }`,
  },
  {
    name: 'what a newer message stands for counts as expired',
    file: wire('herald/replay'),
    find: 'if (isCollapsed) collapsed += 1;',
    replace: 'if (isCollapsed) kept -= 1;',
  },
  {
    name: 'the client asks for ever for what was published before its user joined again',
    file: client('subscriptions'),
    find: 'const isBehind = position?.epoch === epoch && (position?.seq ?? 0) < givenFrom;',
    replace: 'const isBehind = false;',
  },
];

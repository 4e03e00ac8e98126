/** Which names are channels. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVERYONE, parseChannel, topicChannel, userChannel } from '../../../lambdas/protocol/channel.ts';

describe('the name of a channel', () => {
  it('tells what it is of', () => {
    expect(parseChannel('user:alice')).toEqual({ kind: 'user', name: 'user:alice', owner: 'alice' });
    expect(parseChannel('topic:news')).toEqual({ kind: 'topic', name: 'topic:news', topic: 'news' });
    expect(parseChannel('everyone')).toEqual({ kind: 'everyone', name: 'everyone' });
  });

  it.each(['x', 'x'.repeat(128), 'orders.7', 'a:b', 'user:alice', 'everyone', '-', '_', '0'])(
    'may be that of the topic %j',
    (topic) => expect(parseChannel(topicChannel(topic).name)).toEqual(topicChannel(topic)),
  );

  it.each(['a', 'topic:news', 'everyone', 'ü'.repeat(128), '😀'.repeat(64), 'x y/z#*', ' '])(
    'may be that of the user %j',
    (userId) => expect(parseChannel(userChannel(userId).name)).toEqual(userChannel(userId)),
  );

  it.each([
    '',
    'news',
    'alice',
    'topic',
    'topic:',
    'topic:a b',
    'topic:ä',
    'topic:news\n',
    'topic:a/b',
    'topic:a#b',
    'topic:orders.*',
    `topic:${'x'.repeat(129)}`,
    'Topic:news',
    ' topic:news',
    'user',
    'user:',
    'user:a\n',
    'user:\ud83d',
    `user:${'x'.repeat(257)}`,
    'everyone:',
    'everyone ',
    'Everyone',
    'group:a',
    '__proto__',
  ])('is not %j', (name) => expect(parseChannel(name)).toBeUndefined());

  it.each([undefined, null, 7, true, {}, ['topic:news'], { name: 'topic:news' }])('is no %j', (name) =>
    expect(parseChannel(name)).toBeUndefined(),
  );

  it('is of one channel only, and comes back as it is', () => {
    const prefix = fc.constantFrom('user:', 'topic:', 'everyone', '');
    fc.assert(
      fc.property(prefix, fc.string({ unit: 'binary', maxLength: 20 }), (kind, rest) => {
        const channel = parseChannel(kind + rest);
        if (channel !== undefined) expect(channel.name).toBe(kind + rest);
        if (channel?.kind === 'everyone') expect(channel).toBe(EVERYONE);
      }),
    );
  });
});

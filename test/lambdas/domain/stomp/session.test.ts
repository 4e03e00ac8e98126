/** What a STOMP client's frames come to. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { topicChannel } from '../../../../lambdas/domain/model.ts';
import { revoke } from '../../../../lambdas/domain/operate.ts';
import { useDynamoDb } from '../../../support/dynoxide.ts';
import { type StompClient, StompWorld } from '../../../support/stomp-world.ts';

const running = useDynamoDb();
const newUser = () => `user-${randomUUID()}`;

async function opened(
  world = new StompWorld(running()),
): Promise<{ world: StompWorld; client: StompClient }> {
  const client = await world.open();
  if (!client) throw new Error('turned away');
  return { world, client };
}

async function connected(settings = {}) {
  const world = new StompWorld(running(), settings);
  const user = newUser();
  return { world, user, client: await world.connected(user) };
}

describe('CONNECT', () => {
  it('is answered with CONNECTED, after which the connection counts like any other', async () => {
    const { world, client } = await opened();
    const user = newUser();
    await client.say(`CONNECT\naccept-version:1.1,1.0\nAuthorization:Bearer of:${user}\nX-GD-UID:page\n\n\0`);
    expect(client.texts).toEqual([
      `CONNECTED\nversion:1.1\nheart-beat:0,360000\nserver:herald/1\nsession:${client.connectionId}\nuser-name:${user}\n\n\0`,
    ]);
    expect(await world.app.connections.list(user)).toMatchObject([
      { deviceId: 'page', dialect: 'v11.stomp' },
    ]);
  });

  it.each([
    ['authorization', 'Authorization:of:'],
    ['X-GD-TOKEN', 'X-GD-TOKEN:of:'],
    ['token', 'token:of:'],
    ['access_token', 'access_token:of:'],
    ['passcode', 'login:x\npasscode:of:'],
  ])('takes its token from %s', async (_name, header) => {
    const { client } = await opened();
    await client.say(`CONNECT\n${header}${newUser()}\n\n\0`);
    expect(client.frames[0]).toMatchObject({ command: 'CONNECTED', headers: { version: '1.0' } });
  });

  it('may leave the token to the handshake', async () => {
    const { world, client } = await opened();
    client.identity = { userId: newUser(), tokenExpiresAt: world.now + 1000, permissions: undefined };
    await client.say('STOMP\naccept-version:1.2\n\n\0');
    expect(client.frames[0]?.command).toBe('CONNECTED');
  });

  it.each([
    ['bad_token', 'accept-version:1.2\n'],
    ['bad_token', 'accept-version:1.2\ntoken:nonsense\n'],
    ['unsupported_version', 'accept-version:2.0\ntoken:of:x\n'],
    ['bad_frame', 'accept-version:1.2\ntoken:of:x\ndevice-id:a b\n'],
    ['bad_frame', 'accept-version:1.2\ntoken:of:x\nherald-batch:many\n'],
  ])('is refused: %s', async (code, headers) => {
    const { client } = await opened();
    await client.say(`CONNECT\n${headers}\n\0`);
    expect(client.error).toBe(code);
    expect(client.isOpen).toBe(false);
    expect(client.texts.join()).not.toContain('nonsense');
  });

  it('is refused with a token that has expired, and with one whose claim cannot be read', async () => {
    const { world, client } = await opened();
    world.tokens.set('old', { userId: 'x', tokenExpiresAt: world.now });
    await client.say('CONNECT\ntoken:old\n\n\0');
    expect(client.error).toBe('token_expired');
    const { client: other } = await opened(world);
    world.tokens.set('odd', { userId: 'x', permissions: 'everything' });
    await other.say('CONNECT\ntoken:odd\n\n\0');
    expect(other.error).toBe('bad_token');
  });

  it('is refused where the user has as many connections as may be; the others stay', async () => {
    const { world, user, client } = await connected({ maxConnectionsPerUser: 1 });
    world.now += 1;
    const second = await world.connected(user, 'other');
    expect(second.error).toBe('too_many_connections');
    expect(client.isOpen).toBe(true);
    expect(await world.app.connections.list(user)).toHaveLength(1);
  });

  it('of two tabs with one device id leaves both', async () => {
    const { world, user, client } = await connected();
    const other = await world.connected(user);
    await world.drive();
    expect([client.isOpen, other.isOpen]).toEqual([true, true]);
  });

  it('comes first, and once', async () => {
    const { client } = await opened();
    await client.say('SUBSCRIBE\nid:1\ndestination:/user/queue/x\n\n\0');
    expect(client.error).toBe('not_connected');
    const { client: second } = await connected();
    await second.say('CONNECT\naccept-version:1.2\ntoken:of:x\n\n\0');
    expect(second.error).toBe('already_connected');
  });
});

describe('SUBSCRIBE', () => {
  it.each([
    ['unknown_destination', 'destination:/queue/x\nid:1\n'],
    ['unknown_destination', 'destination:/user/queue\nid:1\n'],
    ['unknown_destination', 'destination:/topic/a/b\nid:1\n'],
    ['forbidden', 'destination:/topic/closed\nid:1\n'],
    ['forbidden', 'destination:/user/bob/queue/x\nid:1\n'],
    ['unsupported', 'destination:/user/queue/x\nid:1\nselector:a = 1\n'],
    ['unsupported', 'destination:/user/queue/x\nid:1\ntransaction:t\n'],
    ['bad_frame', 'destination:/user/queue/x\n'],
    ['bad_frame', 'id:1\n'],
    ['bad_frame', 'destination:/user/queue/x\nid:1\nack:sometimes\n'],
    ['bad_frame', 'destination:/user/queue/x\nid:1\nx:\\t\n'],
  ])('is refused with %s, and its receipt is named: %j', async (code, headers) => {
    const { client } = await connected();
    await client.say(`SUBSCRIBE\n${headers}${headers.includes('\\t') ? '' : 'receipt:r\n'}\n\0`);
    expect(client.error).toBe(code);
    if (!headers.includes('\\t')) expect(client.frames.at(-1)?.headers['receipt-id']).toBe('r');
    expect(client.isOpen).toBe(false);
  });

  it('takes its own user by name', async () => {
    const { user, client } = await connected();
    await client.subscribe(`/user/${user}/queue/x`);
    expect(client.error).toBeUndefined();
  });

  it('is refused for an id in use, and beyond as many as may be', async () => {
    const { client } = await connected();
    await client.subscribe('/user/queue/x');
    await client.subscribe('/user/queue/y');
    expect(client.error).toBe('bad_frame');
    const { client: other } = await connected({ maxSubscriptions: 1 });
    await other.subscribe('/user/queue/x', '1');
    await other.subscribe('/user/queue/y', '2');
    expect(other.error).toBe('too_many_subscriptions');
  });

  it('answers its receipt after the row is written, and obeys all frames of a text', async () => {
    const { world, user, client } = await connected();
    await client.say(
      'SUBSCRIBE\nid:1\ndestination:/user/queue/x\nreceipt:a\n\n\0\nSUBSCRIBE\nid:2\ndestination:/topic/open\nreceipt:b\n\n\0',
    );
    expect(client.receipts).toEqual(['a', 'b']);
    await world.publish(user, 1);
    await world.publish(topicChannel('open'), 2);
    await world.drive();
    expect(client.messages.map(({ body }) => body)).toEqual(['1', '2']);
  });

  it('of a topic needs what the token says, or a membership; it ends with that', async () => {
    const { world, client, user } = await connected();
    await world.app.members.add({
      userId: user,
      topic: 'team',
      joinedAt: world.now,
      joined: await world.app.log.open(topicChannel('team')),
    });
    await client.subscribe('/topic/team');
    expect(client.error).toBeUndefined();
    world.tokens.set('may', { userId: user, permissions: { subscribe: ['topic:closed.*'] } });
    const { client: other } = await opened(world);
    await other.say('CONNECT\naccept-version:1.2\ntoken:may\n\n\0');
    await other.subscribe('/topic/closed.7');
    expect(other.error).toBeUndefined();
  });

  it('in version 1.0 has its destination as its id', async () => {
    const { client } = await opened();
    await client.say(`CONNECT\ntoken:of:${newUser()}\n\n\0`);
    await client.say('SUBSCRIBE\ndestination:/user/queue/x\n\n\0');
    await client.say('UNSUBSCRIBE\ndestination:/user/queue/x\nreceipt:r\n\n\0');
    expect(client.receipts).toEqual(['r']);
  });
});

describe('SEND', () => {
  it('publishes to a topic that the token allows, with its own device as the origin', async () => {
    const { world, client } = await opened();
    const user = newUser();
    world.tokens.set('may', { userId: user, permissions: { publish: ['topic:team.*'] } });
    await client.say('CONNECT\naccept-version:1.2\ntoken:may\nX-GD-UID:page\n\n\0');
    await client.say('SEND\ndestination:/topic/team.7\ntype:note\nreceipt:r\n\n{"n":1}\0');
    await client.say('SEND\ndestination:/topic/team.7\n\nno JSON\0');
    expect(client.receipts).toEqual(['r']);
    const origin = { excludeUserId: user, excludeDeviceId: 'page' };
    expect(world.events).toEqual([
      {
        detailType: 'Notification',
        detail: { to: { topic: 'team.7' }, type: 'note', data: { n: 1 }, ...origin },
      },
      {
        detailType: 'Notification',
        detail: { to: { topic: 'team.7' }, type: 'stomp', data: 'no JSON', ...origin },
      },
    ]);
  });

  it.each(['/topic/team.7', '/queue/x', '/user/bob/queue/x', '/app/orders', '/app/', 'x'])(
    'is refused where nothing allows it: %s',
    async (destination) => {
      const { world, client } = await connected();
      await client.say(`SEND\ndestination:${destination}\n\n1\0`);
      expect(client.error).toBe('forbidden');
      expect(world.events).toEqual([]);
    },
  );

  it('to the application goes on the bus, where that is on', async () => {
    const { world, user, client } = await connected({ appMessages: true });
    await client.say('SEND\ndestination:/app/orders/accept\nreceipt:r\n\n{"n":1}\0');
    expect(client.receipts).toEqual(['r']);
    expect(world.events).toMatchObject([
      {
        detailType: 'Client Message',
        detail: { userId: user, destination: 'orders/accept', data: { n: 1 } },
      },
    ]);
  });

  it('is refused with a type that is reserved, or more than a message may hold', async () => {
    for (const frame of [
      'SEND\ndestination:/topic/a\ntype:herald.withdrawn\n\n1\0',
      `SEND\ndestination:/topic/a\n\n${'x'.repeat(31 * 1024)}\0`,
    ]) {
      const { world, client } = await opened();
      world.tokens.set('may', { userId: newUser(), permissions: { publish: ['topic:*'] } });
      await client.say('CONNECT\naccept-version:1.2\ntoken:may\n\n\0');
      await client.say(frame);
      expect(client.error).toBe('bad_frame');
      expect(world.events).toEqual([]);
    }
  });

  it('to /app/ack acknowledges the message with that id', async () => {
    const { world, user, client } = await connected();
    await world.publish(user, 1, { id: 'order-1' });
    await client.subscribe('/user/queue/x', '1', 'ack:client\n');
    await world.drive();
    await client.say('SEND\ndestination:/app/ack\nreceipt:r\n\n order-1 \0');
    expect(client.receipts).toEqual(['r']);
    expect(await world.cursor(user)).toBe(1);
  });

  it.each(['BEGIN', 'COMMIT', 'ABORT'])('in a transaction is refused: %s', async (command) => {
    const { client } = await connected();
    await client.say(`${command}\ntransaction:t\n\n\0`);
    expect(client.error).toBe('unsupported');
  });
});

describe('the end', () => {
  it('DISCONNECT is answered, and then nothing is left', async () => {
    const { world, user, client } = await connected();
    await client.say('DISCONNECT\nreceipt:close-1\n\n\0');
    expect(client.receipts).toEqual(['close-1']);
    expect(client.isOpen).toBe(false);
    expect(await world.app.connections.list(user)).toEqual([]);
    expect(await world.rowOf(client.connectionId)).toBeUndefined();
  });

  it('of the token comes at the next frame', async () => {
    const { world, client } = await connected();
    world.now += 3_600_000;
    await client.say('\n');
    await world.drive();
    expect(client.error).toBe('token_expired');
  });

  it('by a revoke is told, and nothing published afterwards comes', async () => {
    const { world, user, client } = await connected();
    await client.subscribe('/user/queue/x');
    await world.drive();
    await revoke(world.app, user, undefined);
    await world.publish(user, 1);
    await world.drive();
    expect(client.frames.map(({ command }) => command)).toEqual(['CONNECTED', 'ERROR']);
    expect(client.error).toBe('revoked');
  });

  it('frames behind a refused one are not obeyed', async () => {
    const { world, client } = await connected({ appMessages: true });
    await client.say('SEND\ndestination:/app/a\n\n1\0NONSENSE\n\n\0SEND\ndestination:/app/b\n\n1\0');
    expect(world.events).toHaveLength(1);
    expect(client.error).toBe('bad_frame');
  });

  it('comes to who sends too many frames; acks are not counted', async () => {
    const { world, client } = await connected();
    let admitted = 0;
    Object.assign(world.app, {
      frameRates: { admit: () => ({ admitted: ++admitted <= 2, isTold: true, retryAfterMs: 1 }) },
    });
    await client.say('UNSUBSCRIBE\nid:1\n\n\0UNSUBSCRIBE\nid:1\n\n\0');
    for (let left = 10; left > 0; left--) await client.say('ACK\nid:1\n\n\0NACK\nid:1\n\n\0');
    expect(client.error).toBeUndefined();
    await client.say('UNSUBSCRIBE\nid:1\n\n\0');
    expect(client.error).toBe('rate_limited');
  });

  it('comes where the row of the connection is gone: its client connects again', async () => {
    const { world, user, client } = await connected();
    const [connection] = await world.app.connections.list(user);
    if (connection) await world.app.connections.remove(connection);
    await client.subscribe('/user/queue/x');
    expect(client.isOpen).toBe(false);
    expect(client.frames).toHaveLength(1);
  });
});

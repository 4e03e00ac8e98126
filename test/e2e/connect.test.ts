import jwt, { type JwtPayload } from 'jsonwebtoken';
import { describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { Client, Refused } from '../../local/cli/client.ts';
import { range, Target } from './target.ts';

const target = new Target();

const refusal = async (opening: Promise<unknown>): Promise<number> => {
  const error = await opening.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Refused) return error.status;
  throw new Error('the handshake was not refused', { cause: error });
};

describe('who may connect', () => {
  const user = 'nobody';
  const inAMinute = () => Math.floor(Date.now() / 1000) + 60;
  const tokens: Record<string, () => string> = {
    'no JWT': () => 'rubbish',
    'an expired one': () => target.token(user, -10),
    'one without expiry': () => target.sign({ sub: user }),
    'one without subject': () => target.token(undefined),
    'an unsigned one': () => target.sign({ sub: user, exp: inAMinute() }, '', 'none'),
    'one signed with another secret': () => target.token(user, 60, 'another secret'),
    'one of another algorithm': () => target.sign({ sub: user, exp: inAMinute() }, undefined, 'HS512'),
  };

  it.each(Object.entries(tokens))('refuses %s with 401', async (_name, token) => {
    expect(await refusal(Client.open(target.wsUrl, { token: token() }))).toBe(401);
  });

  it('refuses a client without a token with 401', async () => {
    const socket = new WebSocket(target.wsUrl);
    const status = await new Promise((resolve) => {
      socket.on('unexpected-response', (_request, response) => {
        resolve(response.statusCode);
        response.destroy();
        socket.terminate();
      });
      socket.on('error', () => {});
    });
    expect(status).toBe(401);
  });

  it('refuses a malformed device id and an unknown ack mode with 400', async () => {
    expect(await refusal(target.open(user, { deviceId: 'not a device' }))).toBe(400);
    const url = `${target.wsUrl}?ack=never`;
    expect(await refusal(Client.open(url, { token: target.token(user) }))).toBe(400);
  });
});

describe('where the token may stand', () => {
  const opened = async (url: string, protocols: string[]): Promise<WebSocket> => {
    const socket = new WebSocket(url, protocols);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return socket;
  };

  it('takes it from the sub-protocols and answers herald.v1 alone', async () => {
    const socket = await opened(target.wsUrl, ['herald.v1', `bearer.${target.token(target.newUser())}`]);
    expect(socket.protocol).toBe('herald.v1');
    socket.terminate();
  });

  it('takes it from the query', async () => {
    const socket = await opened(`${target.wsUrl}?token=${target.token(target.newUser())}`, []);
    expect(socket.protocol).toBe('');
    socket.terminate();
  });
});

/** Long enough to connect to a stack that has scaled to zero. */
const LIFETIME_SECONDS = 4;

describe('a connection', () => {
  it('hears ready first and then a replay, if need be empty', async () => {
    const user = target.newUser();
    const device = await target.device(user, 'phone');
    expect(device.frames).toMatchObject([
      { event: 'ready', userId: user, deviceId: 'phone', channel: `user:${user}`, head: 0, cursor: 0 },
      { event: 'replay', channel: `user:${user}`, messages: [], through: 0, expired: 0, more: false },
    ]);
  });

  it('without a device id hears live messages only', async () => {
    const user = target.newUser();
    await target.publish(user, 'before');
    const anonymous = await (await target.open(user)).caughtUp();
    expect(await anonymous.event('ready')).toMatchObject({ deviceId: null, head: 1, cursor: 1 });
    await target.publish(user, 'after');
    await anonymous.event('message');
    expect(anonymous.messages).toMatchObject([{ seq: 2, data: 'after' }]);
  });

  it('is replaced by a newer one of the same device, which stays', async () => {
    const user = target.newUser();
    const older = await target.device(user, 'phone');
    const newer = await target.device(user, 'phone');
    expect(await older.event('bye')).toMatchObject({ code: 'replaced', reconnect: false });
    expect(await older.closed).toMatchObject({ code: 1000 });
    // The older one's $disconnect has run or will: neither removes the newer one's row.
    const { sent } = await target.publish(user, 'hello');
    expect(sent).toBe(1);
    expect(await newer.event('message')).toMatchObject({ data: 'hello' });
  });

  it('that takes over by hand-over leaves the older one be until it is ready itself', async () => {
    const user = target.newUser();
    const older = await target.device(user, 'phone');
    const newer = await target.open(user, { deviceId: 'phone', handover: true });
    await newer.event('ready');
    expect(await older.event('bye')).toMatchObject({ code: 'replaced' });
    expect(await older.closed).toMatchObject({ code: 1000 });
    expect((await target.publish(user, 'hello')).sent).toBe(1);
    await newer.event('message');
  });

  it('is one more than its user may have: the oldest has to go', async () => {
    const user = target.newUser();
    const limit = target.settings.maxConnectionsPerUser;
    const devices: Client[] = [];
    for (const number of range(1, limit + 1)) devices.push(await target.device(user, `device-${number}`));
    const [oldest, ...others] = devices;
    expect(await oldest?.event('bye')).toMatchObject({ code: 'too_many_connections' });
    await oldest?.closed;
    const { connections, sent } = await target.publish(user, 'hello');
    expect({ connections, sent }).toEqual({ connections: limit, sent: limit });
    await Promise.all(others.map((device) => device.event('message')));
  });

  it('whose token expires gets nothing more but a bye', async () => {
    const user = target.newUser();
    const token = target.token(user, LIFETIME_SECONDS);
    const device = await target.device(user, 'phone', { token });
    const expiresAt = 1000 * Number((jwt.decode(token) as JwtPayload).exp);
    let sent = 0;
    while (!device.frames.some(({ event }) => event === 'bye') && Date.now() < expiresAt + 10_000) {
      sent += (await target.publish(user, 'tick')).sent;
    }
    expect(await device.event('bye')).toMatchObject({ code: 'token_expired' });
    expect(await device.closed).toMatchObject({ code: 1000 });
    expect(device.messages.every(({ sentAt }) => sentAt < expiresAt)).toBe(true);
    expect(new Set(device.messages.map(({ seq }) => seq)).size).toBe(sent);
  });
});

describe('a frame the server cannot obey', () => {
  it('is answered with its code and ref, and the connection goes on', async () => {
    const user = target.newUser();
    const device = await target.device(user, 'phone');
    const bad: [string, string][] = [
      ['{', 'bad_json'],
      ['[]', 'bad_frame'],
      ['{"action":"dance","ref":"r"}', 'unknown_action'],
      ['{"action":"ack","seq":-1,"ref":"r"}', 'bad_frame'],
      ['{"action":"ack","seq":1,"ref":"r"}', 'ack_past_head'],
      ['{"action":"ack","seq":0,"channel":"user:somebody-else"}', 'unknown_channel'],
      ['{"action":"sync","after":0,"epoch":"another"}', 'epoch_mismatch'],
    ];
    for (const [frame] of bad) device.send(frame);
    const codes = () => device.frames.flatMap((frame) => (frame.event === 'error' ? [frame.code] : []));
    await device.until(() => codes().length === bad.length, 'an error for each');
    expect(codes().sort()).toEqual(bad.map(([, code]) => code).sort());
    device.send({ action: 'ping' });
    expect(await device.event('pong')).toMatchObject({ head: 0 });
  });
});

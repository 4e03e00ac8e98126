/** Who comes and goes, as the application hears of it on the bus. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVENTS_ON, STOMP_ON } from '../../tools/verify/settings.ts';
import { schemasOf } from '../support/schemas.ts';
import { type BusWatch, watchBus } from '../support/watch-bus.ts';
import { connectFrame, StompSocket } from './stomp-socket.ts';
import { Target } from './target.ts';

const target = new Target([...EVENTS_ON, ...STOMP_ON]);
const check = schemasOf('asyncapi.yaml');
/** Of a user who came and went. Each comes at least once. */
const ALL = ['Connection Closed', 'Connection Opened', 'User Offline', 'User Online'];
const WAIT = { timeout: 45_000, interval: 50 };

describe.runIf(target.has('events'))('who comes and goes', () => {
  let bus: BusWatch;
  beforeAll(async () => {
    bus = await watchBus(target.httpUrl);
  });
  afterAll(() => bus.stop());

  /** What is told of a user, in the order of `at`. */
  const told = (user: string) =>
    bus.events
      .filter(({ detail }) => detail.userId === user)
      .sort((one, other) => one.detail.at - other.detail.at);
  const kindsOf = (user: string) => told(user).map((event) => event['detail-type']);

  it('is told by connection, and by user when the first opens and none is left for a while', async () => {
    const user = target.newUser();
    const [phone, laptop] = [await target.device(user, 'phone'), await target.device(user, 'laptop')];
    await expect.poll(() => kindsOf(user).length, WAIT).toBeGreaterThanOrEqual(3);
    await phone.close();
    await laptop.close();
    await expect.poll(() => [...new Set(kindsOf(user))].sort(), WAIT).toEqual(ALL);
    for (const { source, detail, 'detail-type': kind } of told(user)) {
      expect(source).toBe('herald');
      check(kind.startsWith('User') ? 'UserChange' : 'ConnectionChange', detail);
    }
    const [opened] = told(user).filter((event) => event['detail-type'] === 'Connection Opened');
    expect(opened?.detail).toMatchObject({
      deviceId: 'phone',
      connectionId: expect.any(String),
      connectedAt: expect.any(Number),
    });
  });

  it.runIf(target.has('stomp'))('is told of a client of STOMP, too', async () => {
    const user = target.newUser('stomp');
    const client = await StompSocket.open(target.wsUrl, ['v12.stomp']);
    client.socket.send(connectFrame(target.token(user)));
    const [, session] = /\nsession:(.+)\n/.exec(await client.heard('CONNECTED')) ?? [];
    await expect
      .poll(() => [...new Set(kindsOf(user))].sort(), WAIT)
      .toEqual(['Connection Opened', 'User Online']);
    client.socket.close();
    await expect.poll(() => [...new Set(kindsOf(user))].sort(), WAIT).toEqual(ALL);
    const ofConnection = told(user).filter((event) => event['detail-type'].startsWith('Connection'));
    for (const { detail } of ofConnection) {
      check('ConnectionChange', detail);
      expect(detail).toMatchObject({ deviceId: 'page', connectionId: session });
    }
  });

  it('says neither of a user who is back in time', async () => {
    const user = target.newUser();
    const first = await target.device(user, 'phone');
    await expect.poll(() => kindsOf(user), WAIT).toContain('User Online');
    await first.close();
    await expect.poll(() => kindsOf(user), WAIT).toContain('Connection Closed');
    const second = await target.device(user, 'phone');
    // Somebody who leaves later and is told of: the check of the first is over then.
    const other = target.newUser('other');
    const others = await target.device(other, 'phone');
    await expect.poll(() => kindsOf(other), WAIT).toContain('User Online');
    await others.close();
    await expect.poll(() => kindsOf(other), WAIT).toContain('User Offline');
    const ofUsers = kindsOf(user).filter((kind) => kind.startsWith('User'));
    expect(ofUsers).toEqual(['User Online']);
    await second.close();
  });

  it('is no notification: nothing is published by it', async () => {
    expect(bus.events.map((event) => event['detail-type'])).not.toContain('Notification');
    const { body } = await target.request('GET', '/users/herald/messages');
    expect(body).toMatchObject({ head: 0 });
  });
});

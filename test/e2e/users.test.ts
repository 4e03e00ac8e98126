import { describe, expect, it } from 'vitest';
import type { Presence } from '../../lambdas/domain/operate.ts';
import type { ServerFrame } from '../../lambdas/protocol/frames.ts';
import { userPath } from '../../lambdas/protocol/user-path.ts';
import { range, Target } from './target.ts';

const target = new Target();

describe('an operator', () => {
  it('reads a user’s history, page by page', async () => {
    const user = target.newUser();
    await target.publishAll(user, range(1, 5));
    const page = (query: string) => target.request('GET', `/users/${userPath(user)}/messages${query}`);
    expect((await page('?limit=2')).body).toMatchObject({
      messages: [
        { seq: 1, type: 'test', data: 1 },
        { seq: 2, type: 'test', data: 2 },
      ],
      through: 2,
      head: 5,
    });
    expect((await page('?after=2')).body).toMatchObject({
      messages: [{ seq: 3 }, { seq: 4 }, { seq: 5 }],
      through: 5,
    });
    expect((await page('?limit=0')).status).toBe(400);
    expect((await page('?after=x')).status).toBe(400);
  });

  it('sees who is connected and where each device stands', async () => {
    const user = target.newUser('müller@example.com/');
    const device = await target.device(user, 'phone');
    const { connectionId } = await device.event('ready');
    const { body } = await target.request<Presence>('GET', `/users/${userPath(user)}/connections`);
    expect(body.connections).toEqual([{ connectionId, deviceId: 'phone', connectedAt: expect.any(Number) }]);
    expect(body.devices).toEqual([{ deviceId: 'phone', cursor: 0, lastSeenAt: expect.any(Number) }]);
  });

  it('withdraws a message: by its seq, or by the id its publisher gave', async () => {
    const user = target.newUser();
    const withdraw = (which: string) => target.request('DELETE', `/users/${userPath(user)}/messages${which}`);
    const [phone, laptop] = await Promise.all([
      target.device(user, 'phone'),
      target.device(user, 'laptop', { ack: 'client' }),
    ]);
    await target.publish(user, 'first');
    await target.publish(user, 'second', { id: 'order-2' });
    await target.publish(user, 'third');
    await laptop.vanish();

    expect((await withdraw('/1')).body).toEqual({ withdrawn: [1] });
    expect((await withdraw('?id=order-2')).body).toEqual({ withdrawn: [2] });
    expect((await withdraw('?id=order-2')).body).toEqual({ withdrawn: [] });
    expect((await withdraw('/99')).status).toBe(404);
    expect((await withdraw('?id=nobody-said-so')).status).toBe(404);
    const withdrawnSeqs = () =>
      phone.frames.flatMap((frame) => (frame.event === 'withdrawn' ? [[frame.seq, ...frame.seqs]] : []));
    await phone.until(() => withdrawnSeqs().length >= 2, 'two withdrawals');
    expect(withdrawnSeqs().slice(0, 2)).toEqual([
      [4, 1],
      [5, 2],
    ]);

    expect(await target.publish(user, 'second', { id: 'order-2' })).toMatchObject({
      seq: 2,
      duplicate: true,
      connections: 0,
    });
    const back = await target.device(user, 'laptop');
    expect(back.messages.map(({ data }) => data)).toEqual(['third']);
    expect(back.frames).toContainEqual(
      expect.objectContaining({ event: 'replay', expired: 2, withdrawn: [1, 2], through: 5, more: false }),
    );
    const { body } = await target.request('GET', `/users/${userPath(user)}/messages`);
    expect(body).toMatchObject({ messages: [{ seq: 3 }], through: 5, head: 5 });
  });

  it('publishes nothing of the types that are reserved', async () => {
    const answer = await target.post<{ errors: unknown }>({
      to: { user: target.newUser() },
      type: 'herald.withdrawn',
      data: { seqs: [1] },
    });
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toMatchObject([{ path: 'type' }]);
  });

  it('erases a user, and nobody else', { timeout: 120_000 }, async () => {
    const [user, other] = [target.newUser(), target.newUser()];
    const erase = () =>
      target.request<{ erased: number; more: boolean }>('DELETE', `/users/${userPath(user)}`);
    const kept = async (of: string) => {
      const ask = async (what: string) =>
        (await target.request('GET', `/users/${userPath(of)}/${what}`)).body;
      return [await ask('messages'), await ask('connections'), await ask('topics')];
    };
    const phone = await target.device(user, 'phone');
    await target.publishAll(user, range(1, 30));
    await target.publish(user, 'keyed', { id: 'order-1' });
    phone.send({ action: 'read', through: 3 });
    await phone.frame((frame): frame is ServerFrame => frame.event === 'read', 'the mark');
    await target.publishAll(other, [1]);
    const others = await kept(other);
    const { epoch } = await phone.event('ready');

    let [erased, more] = [0, true];
    while (more) {
      const { status, body } = await erase();
      expect(status).toBe(200);
      erased += body.erased;
      more = body.more;
    }
    // 31 messages, their head, a key, and rows of the device and what it read.
    expect(erased).toBeGreaterThan(34);
    expect(await phone.event('bye')).toMatchObject({ code: 'revoked' });
    await phone.closed;
    expect(await kept(user)).toEqual([
      { messages: [], through: 0, head: 0 },
      { connections: [], devices: [] },
      { topics: [] },
    ]);
    expect(await kept(other)).toEqual(others);
    expect((await erase()).body).toEqual({ erased: 0, more: false });

    expect(await target.publish(user, 'again', { id: 'order-1' })).toMatchObject({
      seq: 1,
      duplicate: false,
    });
    const back = await target.device(user, 'phone');
    const ready = await back.event('ready');
    expect(ready.epoch).not.toBe(epoch);
    expect(ready).toMatchObject({ read: { version: 0 } });
    await back.until(() => back.messages.length > 0, 'the message since');
    expect(back.messages.map(({ data }) => data)).toEqual(['again']);
  });

  it('cuts one device, or all of a user’s', async () => {
    const user = target.newUser();
    const [phone, laptop, tablet] = await Promise.all(
      ['phone', 'laptop', 'tablet'].map((deviceId) => target.device(user, deviceId)),
    );
    const cut = (query = '') => target.request('DELETE', `/users/${userPath(user)}/connections${query}`);
    expect((await cut('?deviceId=phone')).body).toEqual({ closed: 1 });
    expect(await phone?.event('bye')).toMatchObject({ code: 'revoked', reconnect: false });
    expect(await phone?.closed).toMatchObject({ code: 1000 });
    expect((await target.publish(user, 'still here')).sent).toBe(2);

    expect((await cut()).body).toEqual({ closed: 2 });
    for (const device of [laptop, tablet]) {
      expect(await device?.event('bye')).toMatchObject({ code: 'revoked' });
      await device?.closed;
    }
    expect(await target.publish(user, 'nobody here')).toMatchObject({ connections: 0, sent: 0 });
    expect((await cut()).body).toEqual({ closed: 0 });
  });
});

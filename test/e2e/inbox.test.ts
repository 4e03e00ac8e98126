import { describe, expect, it } from 'vitest';
import type { ReadFrame, ServerFrame } from '../../lambdas/protocol/frames.ts';
import { userPath } from '../../lambdas/protocol/user-path.ts';
import type { Client } from '../../local/cli/client.ts';
import { range, Target } from './target.ts';

const target = new Target();

/** The answer to a frame of this `ref`. */
const answerTo = (client: Client, ref: string): Promise<ServerFrame> =>
  client.frame((frame): frame is ServerFrame => 'ref' in frame && frame.ref === ref, `the answer to ${ref}`);

/** The news of one version of the read state. */
const readState = (client: Client, version: number): Promise<ReadFrame> =>
  client.frame(
    (frame): frame is ReadFrame => frame.event === 'read' && frame.version === version,
    `version ${version}`,
  );

const request = <Body>(method: 'GET' | 'PUT', user: string, path: string, body?: unknown) =>
  target.request<Body>(method, `/users/${userPath(user)}/${path}`, body);

describe('the inbox of a user', () => {
  it('is the same for a device that was never here, newest first and counted', async () => {
    const user = target.newUser();
    await target.publishAll(user, range(1, 25));
    const fresh = await target.device(user, 'fresh');
    fresh.send({ action: 'history', ref: 'h1' });
    const page = await answerTo(fresh, 'h1');

    expect(page).toMatchObject({ event: 'history', channel: `user:${user}`, more: true, unread: 25 });
    const { messages } = page as unknown as { messages: { seq: number; data: number; read: boolean }[] };
    expect(messages.map(({ data }) => data)).toEqual(range(1, 25).reverse().slice(0, 20));
    fresh.send({ action: 'history', before: messages.at(-1)?.seq ?? 0, ref: 'h2' });
    expect(await answerTo(fresh, 'h2')).toMatchObject({ more: false, messages: { length: 5 } });
  });

  it('follows a mark on every device, and tells it to one that comes later', async () => {
    const user = target.newUser();
    await target.publishAll(user, range(1, 5));
    const phone = await target.device(user, 'phone');
    const laptop = await target.device(user, 'laptop');
    phone.send({ action: 'read', through: 3 });
    for (const device of [phone, laptop])
      expect(await readState(device, 1)).toMatchObject({ through: 3, seqs: [], unread: 2 });
    laptop.send({ action: 'read', unread: [2] });
    expect(await readState(phone, 2)).toMatchObject({ through: 1, seqs: [3], unread: 3 });

    const late = await target.device(user, 'tablet');
    expect(await late.event('ready')).toMatchObject({ read: { version: 2, through: 1, seqs: [3] } });
  });

  it('loses no mark that two devices make at once', async () => {
    const user = target.newUser();
    await target.publishAll(user, range(1, 6));
    const devices = await Promise.all(['phone', 'laptop', 'tablet'].map((id) => target.device(user, id)));
    for (const [index, device] of devices.entries()) device.send({ action: 'read', seqs: [2 * index + 2] });

    for (const device of devices)
      expect(await readState(device, 3)).toMatchObject({ through: 0, seqs: [2, 4, 6], unread: 3 });
  });

  it('serves services as it serves devices', async () => {
    const user = target.newUser();
    await target.publishAll(user, range(1, 3));
    const phone = await target.device(user, 'phone');

    expect(await request('PUT', user, 'read', { seqs: [3] })).toMatchObject({
      status: 200,
      body: { version: 1, through: 0, seqs: [3], unread: 2 },
    });
    expect(await readState(phone, 1)).toMatchObject({ seqs: [3] });
    expect(await request('GET', user, 'inbox?limit=2')).toMatchObject({
      status: 200,
      body: {
        messages: [
          { seq: 3, read: true },
          { seq: 2, read: false },
        ],
        more: true,
        unread: 2,
      },
    });
    expect((await request('PUT', user, 'read', { through: 9 })).status).toBe(400);
    expect((await request('GET', user, 'inbox?limit=0')).status).toBe(400);
  });

  it('is nobody else’s', async () => {
    const [user, stranger] = [target.newUser(), target.newUser()];
    await target.publish(user, 'private');
    const other = await target.device(stranger, 'phone');
    other.send({ action: 'history', channel: `user:${user}`, ref: 'h1' });

    expect(await answerTo(other, 'h1')).toMatchObject({ event: 'error', code: 'unknown_channel' });
  });
});

/**
 * What only AWS can show of a client of STOMP: a text frame that holds NUL arrives whole, both ways; the sub-protocol is answered;
 * an `ERROR` comes before the close.
 */
import { describe, expect, it } from 'vitest';
import { STOMP_ON } from '../../tools/verify/settings.ts';
import { connectFrame, StompSocket } from './stomp-socket.ts';
import { Target } from './target.ts';

const target = new Target(STOMP_ON);

const open = (protocols: string[], query?: string) => StompSocket.open(target.wsUrl, protocols, query);
const connect = (user: string) => connectFrame(target.token(user));

describe.runIf(target.has('stomp'))('a client of STOMP', () => {
  it('is answered with the highest of the sub-protocols that it offers', async () => {
    const wire = await open(['v10.stomp', 'v11.stomp', 'v12.stomp']);
    expect(wire.socket.protocol).toBe('v12.stomp');
    wire.socket.terminate();
  });

  it('hears frames that end in NUL, and is heard by such', async () => {
    const user = target.newUser();
    const wire = await open([], '?protocol=stomp');
    wire.socket.send(connect(user));
    expect(await wire.heard('CONNECTED')).toMatch(/\nheart-beat:0,360000\n[\s\S]*\n\n\0$/);
    wire.socket.send('SUBSCRIBE\nid:sub-0\ndestination:/user/queue/any\nreceipt:r\n\n\0');
    expect(await wire.heard('RECEIPT')).toBe('RECEIPT\nreceipt-id:r\n\n\0');
    await target.publish(user, { text: '😀' });
    const message = await wire.heard('MESSAGE');
    expect(message).toMatch(/\ncontent-length:15\n\n\{"text":"😀"\}\0$/);
    wire.socket.send('DISCONNECT\nreceipt:close\n\n\0');
    await expect.poll(() => wire.closed, { timeout: 30_000 }).toBeDefined();
    expect(wire.texts.at(-1)).toBe('RECEIPT\nreceipt-id:close\n\n\0');
  });

  it('hears an ERROR before the close', async () => {
    const wire = await open(['v12.stomp']);
    wire.socket.send('CONNECT\naccept-version:1.2\ntoken:nonsense\n\n\0');
    await expect.poll(() => wire.closed, { timeout: 30_000 }).toBeDefined();
    expect(wire.texts).toHaveLength(1);
    expect(wire.texts[0]).toMatch(/^ERROR\nmessage:bad_token\n/);
  });

  it('that sends frames together is obeyed in their order', async () => {
    const user = target.newUser();
    const wire = await open(['v12.stomp']);
    const subscribe = 'SUBSCRIBE\nid:sub-0\ndestination:/user/queue/any\nreceipt:r\n\n\0';
    wire.socket.send(`${connect(user)}\n${subscribe}`);
    await wire.heard('RECEIPT');
    expect(wire.texts[0]).toMatch(/^CONNECTED\n/);
    wire.socket.terminate();
  });
});

/**
 * What only AWS can show of a client of STOMP: a text frame that holds NUL arrives whole, both ways; the sub-protocol is answered;
 * an `ERROR` comes before the close.
 */
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { STOMP_ON } from '../../tools/verify/settings.ts';
import { Target } from './target.ts';

const target = new Target(STOMP_ON);

/** Keeps what arrives from the first moment on. */
class Wire {
  readonly texts: string[] = [];
  closed: number | undefined;
  readonly socket: WebSocket;

  constructor(protocols: string[], query = '') {
    this.socket = new WebSocket(target.wsUrl + query, protocols);
    this.socket.on('message', (text) => this.texts.push(String(text)));
    this.socket.on('close', (code) => {
      this.closed = code;
    });
  }

  static async open(protocols: string[], query?: string): Promise<Wire> {
    const wire = new Wire(protocols, query);
    await new Promise((resolve, reject) => wire.socket.once('open', resolve).once('error', reject));
    return wire;
  }

  async heard(command: string): Promise<string> {
    const find = () => this.texts.find((text) => text.startsWith(`${command}\n`));
    await expect.poll(find, { timeout: 30_000, interval: 20 }).toBeDefined();
    return find() ?? '';
  }
}

const connect = (user: string) =>
  `CONNECT\naccept-version:1.2\nAuthorization:Bearer ${target.token(user)}\nX-GD-UID:page\n\n\0`;

describe.runIf(target.has('stomp'))('a client of STOMP', () => {
  it('is answered with the highest of the sub-protocols that it offers', async () => {
    const wire = await Wire.open(['v10.stomp', 'v11.stomp', 'v12.stomp']);
    expect(wire.socket.protocol).toBe('v12.stomp');
    wire.socket.terminate();
  });

  it('hears frames that end in NUL, and is heard by such', async () => {
    const user = target.newUser();
    const wire = await Wire.open([], '?protocol=stomp');
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
    const wire = await Wire.open(['v12.stomp']);
    wire.socket.send('CONNECT\naccept-version:1.2\ntoken:nonsense\n\n\0');
    await expect.poll(() => wire.closed, { timeout: 30_000 }).toBeDefined();
    expect(wire.texts).toHaveLength(1);
    expect(wire.texts[0]).toMatch(/^ERROR\nmessage:bad_token\n/);
  });

  it('that sends frames together is obeyed in their order', async () => {
    const user = target.newUser();
    const wire = await Wire.open(['v12.stomp']);
    const subscribe = 'SUBSCRIBE\nid:sub-0\ndestination:/user/queue/any\nreceipt:r\n\n\0';
    wire.socket.send(`${connect(user)}\n${subscribe}`);
    await wire.heard('RECEIPT');
    expect(wire.texts[0]).toMatch(/^CONNECTED\n/);
    wire.socket.terminate();
  });
});

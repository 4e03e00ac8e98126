/** A client of STOMP that knows texts only. */
import { expect } from 'vitest';
import { WebSocket } from 'ws';

/** Keeps what arrives from the first moment on. */
export class StompSocket {
  readonly texts: string[] = [];
  closed: number | undefined;
  readonly socket: WebSocket;

  private constructor(url: string, protocols: string[]) {
    this.socket = new WebSocket(url, protocols);
    this.socket.on('message', (text) => this.texts.push(String(text)));
    this.socket.on('close', (code) => {
      this.closed = code;
    });
  }

  static async open(url: string, protocols: string[], query = ''): Promise<StompSocket> {
    const opened = new StompSocket(url + query, protocols);
    await new Promise((resolve, reject) => opened.socket.once('open', resolve).once('error', reject));
    return opened;
  }

  async heard(command: string): Promise<string> {
    const find = () => this.texts.find((text) => text.startsWith(`${command}\n`));
    await expect.poll(find, { timeout: 30_000, interval: 20 }).toBeDefined();
    return find() ?? '';
  }
}

export const connectFrame = (token: string): string =>
  `CONNECT\naccept-version:1.2\nAuthorization:Bearer ${token}\nX-GD-UID:page\n\n\0`;

/** As much of STOMP 1.2 over WebSockets as the comparison needs. */
import { once } from 'node:events';
import WebSocket from 'ws';

export interface StompFrame {
  command: string;
  headers: Record<string, string>;
  body: string;
}

export interface StompClient {
  send(command: string, headers: Record<string, string>, body?: string): void;
  close(): void;
}

/** Resolves once the server has accepted; `onFrame` hears all that follows. */
export async function connectStomp(url: string, onFrame: (frame: StompFrame) => void): Promise<StompClient> {
  const socket = new WebSocket(url, ['v12.stomp'], { perMessageDeflate: false });
  const { promise: connected, resolve, reject } = Promise.withResolvers<void>();
  socket.on('message', (data) => {
    for (const frame of framesOf(data.toString())) {
      if (frame.command === 'CONNECTED') resolve();
      else if (frame.command === 'ERROR') reject(new Error(`STOMP: ${frame.headers.message} ${frame.body}`));
      else onFrame(frame);
    }
  });
  socket.on('error', reject);
  await once(socket, 'open');
  const send: StompClient['send'] = (command, headers, body = '') => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    socket.send(`${command}\n${lines.join('')}\n${body}\0`);
  };
  send('CONNECT', {
    'accept-version': '1.2',
    host: '/',
    login: 'guest',
    passcode: 'guest',
    'heart-beat': '0,0',
  });
  await connected;
  return { send, close: () => socket.terminate() };
}

/** Bodies are text without NUL here. */
function framesOf(text: string): StompFrame[] {
  return text
    .split('\0')
    .map((one) => one.replace(/^\n+/, ''))
    .filter(Boolean)
    .map((one) => {
      const end = one.indexOf('\n\n');
      const [command = '', ...lines] = one.slice(0, end).split('\n');
      const headers = lines.map((line) => [
        line.slice(0, line.indexOf(':')),
        line.slice(line.indexOf(':') + 1),
      ]);
      return { command, headers: Object.fromEntries(headers), body: one.slice(end + 2) };
    });
}

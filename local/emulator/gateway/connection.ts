/** One open WebSocket: its sizes, its limits in time, and how it ends. */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { ClientInfo } from './events.ts';
import { createFrameMeter } from './frame-meter.ts';
import { type GatewaySettings, MAX_FRAME_BYTES } from './settings.ts';

export interface OpenConnection {
  readonly client: ClientInfo;
  readonly lastActiveAt: number;
  /** `full`: the client does not read what it was sent. */
  send(text: string | Buffer): 'sent' | 'full';
  close(code: number, reason: string): void;
}

export interface ConnectionEvents {
  message(text: string): void;
  /** It takes no frame any more. Comes once, before `closed`. */
  closing(): void;
  closed(code: number, reason: string): void;
}

const NO_CODE = 1005;

export function openConnection(
  ws: WebSocket,
  socket: Duplex,
  client: ClientInfo,
  settings: GatewaySettings,
  on: ConnectionEvents,
): OpenConnection {
  let lastActiveAt = Date.now();
  let closing: { code: number; reason: string } | undefined;
  const goAway = () => close(1001, 'Going away');
  const idle = setTimeout(goAway, settings.idleMs);
  const old = setTimeout(goAway, settings.maxAgeMs);

  function active() {
    lastActiveAt = Date.now();
    idle.refresh();
  }

  function close(code: number, reason: string) {
    if (closing || ws.readyState !== ws.OPEN) return;
    closing = { code, reason };
    clearTimeout(idle);
    clearTimeout(old);
    on.closing();
    ws.close(code, reason);
    const impatience = setTimeout(() => ws.terminate(), settings.closeTimeoutMs);
    ws.once('close', () => clearTimeout(impatience));
  }

  // Before the listener of `ws`, so that a message of an oversize frame is already unwanted when it arrives.
  socket.prependListener(
    'data',
    createFrameMeter(MAX_FRAME_BYTES, () => close(1009, '')),
  );
  ws.on('message', (data: Buffer, isBinary: boolean) => {
    if (closing) return;
    if (isBinary) return close(1003, '');
    active();
    on.message(data.toString('utf8'));
  });
  // `ws` closes by itself on what breaks the WebSocket protocol, but then tells 1006 of a message that was too large.
  ws.on('error', (error: NodeJS.ErrnoException) => {
    if (closing || error.code !== 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return;
    closing = { code: 1009, reason: '' };
    on.closing();
  });
  ws.on('close', (code, reason) => {
    clearTimeout(idle);
    clearTimeout(old);
    if (!closing) on.closing();
    if (closing) on.closed(closing.code, closing.reason);
    else on.closed(code, code === NO_CODE ? 'Client-side close frame status not set' : reason.toString());
  });

  return {
    client,
    get lastActiveAt() {
      return lastActiveAt;
    },
    send(text) {
      if (ws.bufferedAmount > settings.maxUnsentBytes) return 'full';
      ws.send(text, { binary: false });
      active();
      return 'sent';
    },
    close,
  };
}

/** The two limits in time of a connection, on a clock of the test's own. */
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { openConnection } from '../../../../local/emulator/gateway/connection.ts';
import { DEFAULTS } from '../../../../local/emulator/gateway/settings.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const MINUTE_MS = 60_000;

function open() {
  const socket = Object.assign(new EventEmitter(), {
    OPEN: 1,
    readyState: 1,
    bufferedAmount: 0,
    send: vi.fn(),
    close: vi.fn(),
    terminate: vi.fn(),
  });
  const client = {
    connectionId: 'c',
    connectedAt: 0,
    sourceIp: '',
    userAgent: undefined,
    domainName: '',
    authorizer: undefined,
  };
  const events = { message: vi.fn(), closing: vi.fn(), closed: vi.fn() };
  const ws = socket as unknown as WebSocket;
  return { socket, events, connection: openConnection(ws, new PassThrough(), client, DEFAULTS, events) };
}

it('closes after ten minutes without data, with 1001', () => {
  const { socket } = open();
  vi.advanceTimersByTime(10 * MINUTE_MS - 1);
  expect(socket.close).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(socket.close).toHaveBeenCalledExactlyOnceWith(1001, 'Going away');
});

it('counts data in either direction', () => {
  const { socket, connection } = open();
  vi.advanceTimersByTime(9 * MINUTE_MS);
  socket.emit('message', Buffer.from('x'), false);
  vi.advanceTimersByTime(9 * MINUTE_MS);
  connection.send('x');
  vi.advanceTimersByTime(10 * MINUTE_MS - 1);
  expect(socket.close).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(socket.close).toHaveBeenCalledOnce();
});

it('closes after two hours, however busy', () => {
  const { socket, connection } = open();
  for (let minute = 1; minute <= 120; minute++) {
    expect(socket.close).not.toHaveBeenCalled();
    vi.advanceTimersByTime(MINUTE_MS);
    connection.send('x');
  }
  expect(socket.close).toHaveBeenCalledExactlyOnceWith(1001, 'Going away');
});

it('destroys the socket of a client that does not answer the close', () => {
  const { socket, events, connection } = open();
  connection.close(1000, 'Connection Closed Normally');
  expect(events.closing).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(DEFAULTS.closeTimeoutMs);
  expect(socket.terminate).toHaveBeenCalledOnce();
  socket.emit('close', 1006, Buffer.alloc(0));
  expect(events.closed).toHaveBeenCalledExactlyOnceWith(1000, 'Connection Closed Normally');
  expect(events.closing).toHaveBeenCalledOnce();
});

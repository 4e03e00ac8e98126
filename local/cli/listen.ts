/** Listens as one device: prints what comes, acknowledges what is settled, comes back when the connection is lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AckMode, ServerFrame } from '../../lambdas/protocol/frames.ts';
import { REPLAY_WINDOW_FRAMES } from '../../lambdas/protocol/limits.ts';
import { Client, Refused } from './client.ts';

export interface ListenOptions {
  url: string;
  /** Asked again for every connection. */
  token: () => string;
  deviceId: string;
  ack: AckMode;
  print(what: string, frame?: ServerFrame): void;
}

const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 30_000;
const PING_EVERY_MS = 9 * 60_000;

/** Resolves when the server says not to come back, with its reason; rejects when it refuses the connection. */
export async function listen(options: ListenOptions): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      const connection = await openConnection(options);
      attempt = 0;
      const { code } = await connection.closed;
      const bye = connection.frames.find((frame) => frame.event === 'bye');
      if (bye && !bye.reconnect) return bye.message;
      options.print(`closed (${code})`);
    } catch (error) {
      if (error instanceof Refused) throw error;
      options.print(`not connected: ${error instanceof Error ? error.message : error}`);
    }
    const waitMs = Math.random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** attempt);
    options.print(`connecting again in ${(waitMs / 1000).toFixed(1)} s`);
    await sleep(waitMs);
  }
}

async function openConnection({ url, token, deviceId, ack, print }: ListenOptions): Promise<Client> {
  const client = await Client.open(url, { token: token(), deviceId, ack });
  const ping = setInterval(() => client.send({ action: 'ping' }), PING_EVERY_MS);
  void client.closed.then(() => clearInterval(ping));
  const settle = ack === 'client' ? acknowledging(client) : () => {};
  client.onFrame((frame) => {
    print(frame.event, frame);
    settle(frame);
  });
  return client;
}

/** Acknowledges what is contiguous or settled by a replay, and asks for the next window of a long one. */
function acknowledging(client: Client): (frame: ServerFrame) => void {
  const early = new Set<number>();
  let settled = 0;
  let windowFrames = 0;

  return (frame) => {
    const before = settled;
    if (frame.event === 'ready') settled = frame.cursor;
    if (frame.event === 'message') early.add(frame.seq);
    if (frame.event === 'replay') settled = Math.max(settled, frame.through);
    while (early.delete(settled + 1)) settled += 1;
    if (settled > before && frame.event !== 'ready') client.send({ action: 'ack', seq: settled });

    if (frame.event !== 'replay') return;
    windowFrames = frame.more ? windowFrames + 1 : 0;
    if (windowFrames < REPLAY_WINDOW_FRAMES) return;
    windowFrames = 0;
    client.send({ action: 'sync', after: settled });
  };
}

/** Listens as one device: prints what comes, acknowledges what is settled, comes back when the connection is lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import { backOffMs } from '../../lambdas/back-off.ts';
import { topicChannel } from '../../lambdas/protocol/channel.ts';
import type { AckMode, ServerFrame } from '../../lambdas/protocol/frames.ts';
import { REPLAY_WINDOW_FRAMES } from '../../lambdas/protocol/limits.ts';
import { Client, Refused } from './client.ts';

export interface ListenOptions {
  url: string;
  /** Asked again for every connection. */
  token: () => string;
  deviceId: string;
  ack: AckMode;
  /** To subscribe to on every connection. */
  topics: string[];
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
    const waitMs = backOffMs(attempt, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
    options.print(`connecting again in ${(waitMs / 1000).toFixed(1)} s`);
    await sleep(waitMs);
  }
}

async function openConnection({ url, token, deviceId, ack, topics, print }: ListenOptions): Promise<Client> {
  const client = await Client.open(url, { token: token(), deviceId, ack });
  const ping = setInterval(() => client.send({ action: 'ping' }), PING_EVERY_MS);
  void client.closed.then(() => clearInterval(ping));
  const settle = ack === 'client' ? acknowledging(client) : () => {};
  client.onFrame((frame) => {
    print(frame.event, frame);
    settle(frame);
    if (frame.event !== 'ready') return;
    for (const topic of topics) client.send({ action: 'subscribe', channel: topicChannel(topic).name });
  });
  return client;
}

/** How far one channel is settled. */
interface Settled {
  seq: number;
  /** What came before what precedes it. */
  early: Set<number>;
  windowFrames: number;
}

/**
 * Acknowledges in each channel what is contiguous or settled by a replay, and asks for the next window
 * of a long one.
 */
function acknowledging(client: Client): (frame: ServerFrame) => void {
  const channels = new Map<string, Settled>();
  const begin = (channel: string, seq: number) =>
    channels.set(channel, { seq, early: new Set(), windowFrames: 0 });

  return (frame) => {
    if (frame.event === 'ready') {
      begin(frame.channel, frame.cursor);
      for (const { channel, cursor } of frame.subscriptions) begin(channel, cursor);
    }
    if (frame.event === 'subscribed') begin(frame.channel, frame.cursor);
    if (frame.event !== 'message' && frame.event !== 'replay') return;
    const { channel } = frame;
    // A live message may come before its channel begins: the replay that follows brings it again.
    const settled = channels.get(channel);
    if (settled === undefined) return;
    const before = settled.seq;
    if (frame.event === 'message') settled.early.add(frame.seq);
    else settled.seq = Math.max(settled.seq, frame.through);
    while (settled.early.delete(settled.seq + 1)) settled.seq += 1;
    if (settled.seq > before) client.send({ action: 'ack', channel, seq: settled.seq });
    if (frame.event === 'replay') goOn(client, channel, settled, frame.more);
  };
}

function goOn(client: Client, channel: string, settled: Settled, more: boolean): void {
  settled.windowFrames = more ? settled.windowFrames + 1 : 0;
  if (settled.windowFrames < REPLAY_WINDOW_FRAMES) return;
  settled.windowFrames = 0;
  client.send({ action: 'sync', channel, after: settled.seq });
}

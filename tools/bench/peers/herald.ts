/** Herald on its local stack, in a process of its own, with the DynamoDB server in another. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { AckMode } from '../../../lambdas/protocol/frames.ts';
import { Client } from '../../../local/cli/client.ts';
import { DEFAULT_JWT_SECRET, issueToken } from '../../../local/cli/token.ts';
import { cpuMsOf, descendantsOf } from '../processes.ts';
import { openDevices, type Peer, type Received } from './peer.ts';

const PROGRAM = fileURLToPath(new URL('../../../local/cli/cli.ts', import.meta.url));

/** As our client library does it: after so many messages, or with the next ping, so long after the first of them. */
const ACK_BATCH = 50;
const PING_MS = 9 * 60_000;

export interface HeraldPeer extends Peer {
  wsUrl: string;
  httpUrl: string;
  pid: number;
  /** Since the last time it was asked. */
  takeReplayFrames(): number;
}

export interface HeraldOptions {
  /** @default client */
  ackMode?: AckMode;
  /** Whose devices they are: all of one user, or each of a user of its own who hears a topic. @default user */
  audience?: 'user' | 'topic';
  /** Posts a second of all fan-outs together. @default what the local stack has */
  fanOutRate?: number;
  /** Of the server. */
  nodeArgs?: string[];
}

const TOPIC = 'bench';
const USER = 'alice';

export async function startHerald({
  ackMode = 'client',
  audience = 'user',
  fanOutRate,
  nodeArgs = [],
}: HeraldOptions = {}): Promise<HeraldPeer> {
  const args = ['start', '--port', '0', '--quiet', '--open-topics', TOPIC];
  const child = spawn(process.execPath, [...nodeArgs, PROGRAM, ...args], {
    env: {
      ...process.env,
      HERALD_MAX_CONNECTIONS_PER_USER: '10000',
      HERALD_JWT_SECRET: DEFAULT_JWT_SECRET,
      ...(fanOutRate !== undefined && { HERALD_FAN_OUT_RATE: String(fanOutRate) }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const httpUrl = await printedUrl(child);
  const pid = child.pid ?? 0;
  const clients: Client[] = []; // by device
  let replayFrames = 0;
  const agent = new Agent({ keepAlive: true });
  const [to, channel] =
    audience === 'user' ? [{ user: USER }, `user:${USER}`] : [{ topic: TOPIC }, `topic:${TOPIC}`];
  const wsUrl = `${httpUrl.replace('http:', 'ws:')}/local`;

  const open = async (device: number, received: Received) => {
    const userId = audience === 'user' ? USER : `user-${device}`;
    const token = issueToken(userId, DEFAULT_JWT_SECRET);
    const client = await Client.open(wsUrl, { token, deviceId: `device-${device}`, ack: ackMode });
    clients[device] = client;
    let newest = 0;
    let unacked = 0;
    let ackTimer: NodeJS.Timeout | undefined;
    const ack = () => {
      clearTimeout(ackTimer);
      ackTimer = undefined;
      unacked = 0;
      client.send({ action: 'ack', channel, seq: newest });
    };
    let isCaughtUp = false;
    client.onFrame((frame) => {
      const messages = frame.event === 'message' ? [frame] : frame.event === 'replay' ? frame.messages : [];
      for (const { seq, data } of messages) {
        newest = Math.max(newest, seq);
        received(device, (data as { payload: string }).payload);
      }
      unacked += messages.length;
      if (ackMode === 'client' && unacked > 0) {
        if (unacked >= ACK_BATCH) ack();
        else ackTimer ??= setTimeout(ack, PING_MS);
      }
      if (frame.event !== 'replay') return;
      replayFrames += 1;
      if (!frame.more) isCaughtUp = true;
    });
    await client.until(() => isCaughtUp, 'its replay to end', 60_000);
    if (audience === 'topic') {
      client.send({ action: 'subscribe', channel });
      await client.event('subscribed', 60_000);
    }
    void client.closed.then(() => clearTimeout(ackTimer));
  };

  return {
    name: 'Herald',
    promises: 'stored before it is sent, for days; cumulative acks; replay in order; other devices excluded',
    wsUrl,
    httpUrl,
    pid,
    connect: (from, to, received) => openDevices(from, to, (device) => open(device, received)),
    disconnect: async (device) => await clients[device]?.vanish(),
    takeReplayFrames() {
      const taken = replayFrames;
      replayFrames = 0;
      return taken;
    },
    publish: (payload) => post(httpUrl, agent, { to, type: 'bench', data: { payload } }),
    async cpu() {
      const database = descendantsOf(pid)
        .filter(({ command }) => command.includes('dynoxide'))
        .reduce((sum, child) => sum + cpuMsOf(child.pid), 0);
      return { total: cpuMsOf(pid) + database, database };
    },
    async stop() {
      await Promise.all(clients.map((client) => client.vanish()));
      agent.destroy();
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGINT');
      await ended;
    },
  };
}

function printedUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const look = (text: Buffer) => {
      output += text;
      const url = /Requests\s+(http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1];
      if (url) resolve(url);
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('exit', () => reject(new Error(`the local stack did not start: ${output}`)));
  });
}

/** A publisher on a connection of its own. */
export function publishTo(httpUrl: string, to: { user: string } | { topic: string }) {
  const agent = new Agent({ keepAlive: true });
  return {
    send: (payload: string) => post(httpUrl, agent, { to, type: 'bench', data: { payload } }),
    close: () => agent.destroy(),
  };
}

export async function post(httpUrl: string, agent: Agent, body: object): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const headers = { 'content-type': 'application/json' };
  const sent = request(`${httpUrl}/notifications`, { agent, method: 'POST', headers }, (response) => {
    let answer = '';
    response.setEncoding('utf8').on('data', (text) => {
      answer += text;
    });
    response.on('end', () =>
      response.statusCode === 200
        ? resolve()
        : reject(new Error(`published: ${response.statusCode} ${answer}`)),
    );
  });
  sent.on('error', reject);
  sent.end(JSON.stringify(body));
  await promise;
}

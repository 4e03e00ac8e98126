/**
 * `node tools/bench/pending.ts`: how long a client of STOMP takes from its socket to `CONNECTED`, alone and beside 300 sockets that
 * wait for nothing good. They come from addresses of their own, as many of each as are let in, and come again when they are closed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { issueToken } from '../../local/cli/token.ts';
import { startStack } from '../../local/stack.ts';
import { percentile } from './statistics.ts';

const HOSTILE = 300;
const PER_ADDRESS = 20;
const GOOD = 40;
const SECRET = 'a secret of this bench, long enough for HS256';

/** Milliseconds from the handshake to `CONNECTED`. */
async function connect(url: string, user: string): Promise<number> {
  const begun = performance.now();
  const socket = new WebSocket(url, ['v12.stomp']);
  const connected = new Promise<void>((resolve, reject) => {
    socket.on('message', (text) => {
      if (String(text).startsWith('CONNECTED')) resolve();
      else reject(new Error(String(text)));
    });
    socket.on('error', reject);
  });
  socket.on('open', () => {
    const token = issueToken(user, SECRET);
    socket.send(`CONNECT\naccept-version:1.2\ntoken:${token}\nX-GD-UID:page\n\n\0`);
  });
  await connected;
  const took = performance.now() - begun;
  socket.close();
  return took;
}

async function measure(url: string, name: string): Promise<number[]> {
  const times: number[] = [];
  for (let number = 0; number < GOOD; number++) times.push(await connect(url, `${name}-${number}`));
  return times.sort((one, other) => one - other);
}

/** Opens a socket again and again until it is told to stop; says nothing on it. */
function besiege(url: string, number: number): () => void {
  let isOver = false;
  let socket: WebSocket | undefined;
  const open = () => {
    if (isOver) return;
    const localAddress = `127.0.1.${1 + Math.floor(number / PER_ADDRESS)}`;
    socket = new WebSocket(url, ['v12.stomp'], { localAddress });
    socket.on('error', () => {});
    socket.on('close', () => setTimeout(open, 500));
  };
  open();
  return () => {
    isOver = true;
    socket?.terminate();
  };
}

const stack = await startStack({ port: 0, quiet: true, jwtSecret: SECRET, overrides: { stomp: true } });
await measure(stack.wsUrl, 'warm');
const quiet = await measure(stack.wsUrl, 'quiet');
const ends = Array.from({ length: HOSTILE }, (_none, number) => besiege(stack.wsUrl, number));
await sleep(5000);
const besieged = await measure(stack.wsUrl, 'besieged');
for (const end of ends) end();
for (const share of [0.5, 0.95]) {
  const [alone, beside] = [percentile(quiet, share), percentile(besieged, share)];
  const ratio = (beside / alone).toFixed(2);
  console.log(
    `p${100 * share} to CONNECTED: ${alone.toFixed(1)} ms alone, ${beside.toFixed(1)} ms beside ${HOSTILE}: ${ratio} times (goal 2)`,
  );
}
await stack.stop();
process.exit();

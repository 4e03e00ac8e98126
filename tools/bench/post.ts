/** 1. What does a post to a connection cost, warm and in a cold process? */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Question, Result } from './result.ts';
import { median } from './statistics.ts';

const CHILD = fileURLToPath(new URL('./post-child.ts', import.meta.url));
const VARIANTS = ['ours', 'unsigned', 'sdk'] as const;
type Variant = (typeof VARIANTS)[number];
const ROUNDS = 5;
/** As far as API Gateway is away within its region. */
const ANSWER_AFTER_MS = 10;

interface Sample {
  cpuMs: number;
  wallMs: number;
}

export const measure: Question = async (progress) => {
  const warm = await compare('http', 5000, ROUNDS, (round) => progress(`warm ${round}/${ROUNDS}`));
  const cold = await compare('https', 1000, ROUNDS, (round) => progress(`cold ${round}/${ROUNDS}`));
  return report(warm, cold);
};

/** The variants by turns, each in a fresh process. */
async function compare(
  protocol: 'http' | 'https',
  posts: number,
  rounds: number,
  progress: (round: number) => void,
): Promise<Record<Variant, Sample>> {
  const { url, stop } = await startGateway(protocol);
  const samples: Record<Variant, Sample[]> = { ours: [], unsigned: [], sdk: [] };
  try {
    for (let round = 1; round <= rounds; round++) {
      progress(round);
      for (const variant of VARIANTS) samples[variant].push(await runChild(variant, url, posts, protocol));
    }
  } finally {
    await stop();
  }
  const middle = (variant: Variant): Sample => ({
    cpuMs: median(samples[variant].map(({ cpuMs }) => cpuMs)),
    wallMs: median(samples[variant].map(({ wallMs }) => wallMs)),
  });
  return { ours: middle('ours'), unsigned: middle('unsigned'), sdk: middle('sdk') };
}

async function runChild(variant: Variant, url: string, posts: number, protocol: string): Promise<Sample> {
  const child = spawn(process.execPath, [CHILD, variant, url, String(posts), protocol], {
    env: {
      PATH: process.env.PATH,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'bench',
      AWS_SECRET_ACCESS_KEY: 'bench',
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
      NODE_NO_WARNINGS: '1',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await once(child, 'close');
  return JSON.parse(output.trim().split('\n').at(-1) ?? '');
}

async function startGateway(protocol: 'http' | 'https') {
  const answer: RequestListener = (request, response) => {
    request.resume().on('end', () => {
      if (protocol === 'http') response.end();
      else setTimeout(() => response.end(), ANSWER_AFTER_MS);
    });
  };
  const server: Server =
    protocol === 'http' ? createHttpServer(answer) : createHttpsServer(selfSigned(), answer);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${protocol}://127.0.0.1:${port}/prod`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function selfSigned(): { key: Buffer; cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), 'herald-bench-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const args = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1`;
  try {
    execFileSync('openssl', [...args.split(' '), '-keyout', key, '-out', cert], { stdio: 'ignore' });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function report(warm: Record<Variant, Sample>, cold: Record<Variant, Sample>): Result {
  const each = (variant: Variant) => warm[variant].cpuMs / 5000;
  return {
    title: 'Posting to connections',
    rows: [
      {
        what: 'one post of 300 bytes, CPU',
        unit: 'ms',
        ours: each('ours'),
        floor: each('unsigned'),
        naive: each('sdk'),
        goal: '≤ 1/5 of the SDK',
        held: each('ours') <= each('sdk') / 5,
      },
      {
        what: 'first 1,000 posts of a cold process over TLS',
        unit: 'ms',
        ours: cold.ours.wallMs,
        floor: cold.unsigned.wallMs,
        naive: cold.sdk.wallMs,
        goal: '≤ 0.5 × the SDK',
        held: cold.ours.wallMs <= 0.5 * cold.sdk.wallMs,
      },
    ],
    plots: [
      {
        title: 'CPU of one post of 300 bytes',
        unit: 'ms',
        groups: [
          {
            label: 'one post',
            bars: [
              { name: 'unsigned node:http', value: each('unsigned') },
              { name: 'Herald', value: each('ours') },
              { name: 'AWS SDK v3', value: each('sdk') },
            ],
          },
        ],
      },
    ],
    notes: [
      'Floor: the same requests unsigned on `node:http`, 64 at once, as all three. Naive: AWS SDK v3 with its defaults.',
    ],
  };
}

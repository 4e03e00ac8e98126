/** A hundred thousand malformed texts of STOMP: each is a heart-beat, frames or a reason to refuse it, and memory stays flat. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { STOMP_VERSIONS, StompError } from '../../lambdas/protocol/stomp.ts';
import { stompFrames } from '../../lambdas/wire/stomp/read.ts';
import { issueToken } from '../../local/cli/token.ts';
import { startStack } from '../../local/stack.ts';

const TEXTS = 100_000;
/** Held in memory together. */
const AT_ONCE = 1000;
const MAX_GROWTH_MEGABYTES = 40;
const SECRET = 'a secret of this test, long enough for HS256';

const command = fc.constantFrom(
  'SEND',
  'SUBSCRIBE',
  'CONNECT',
  'ACK',
  'MESSAGE',
  'send',
  '',
  'BEGIN',
  '{"a":1}',
);
const part = fc.oneof(
  fc.constantFrom('\n', '\r\n', '\0', ':', '\\', '\\n', '\\x', '\n\n', 'id:1\n', 'destination:/topic/a\n'),
  fc.constantFrom('content-length:3\n', 'content-length:99999\n', 'receipt:r\n', 'ack:client\n', '😀'),
  fc.string({ maxLength: 6 }),
);
const text = fc
  .tuple(command, fc.array(part, { maxLength: 12 }))
  .map(([first, parts]) => first + parts.join(''));

function fateOf(sample: string, version: (typeof STOMP_VERSIONS)[number]): string {
  try {
    let frames = 0;
    for (const frame of stompFrames(sample)) {
      frame.receipt(version);
      frame.read(version);
      frames += 1;
    }
    return frames === 0 ? 'heart-beat' : 'frames';
  } catch (error) {
    if (error instanceof StompError) return 'refused';
    throw error;
  }
}

it(`${TEXTS} malformed texts are read or refused, and leave nothing behind`, () => {
  const fates = new Map<string, number>();
  const half = (firstSeed: number) => {
    for (let seed = firstSeed; seed < firstSeed + TEXTS / 2 / AT_ONCE; seed++)
      for (const [index, sample] of fc.sample(text, { numRuns: AT_ONCE, seed }).entries()) {
        const fate = fateOf(sample, STOMP_VERSIONS[index % 3] ?? '1.2');
        fates.set(fate, (fates.get(fate) ?? 0) + 1);
      }
    return process.memoryUsage().rss / 1024 / 1024;
  };
  const before = half(1);
  const after = half(1000);
  expect(after - before).toBeLessThan(MAX_GROWTH_MEGABYTES);
  expect([...fates.keys()].sort()).toEqual(['frames', 'heart-beat', 'refused']);
});

it('each that is refused closes its connection, and nothing is stored', async () => {
  const stack = await startStack({ port: 0, quiet: true, jwtSecret: SECRET, overrides: { stomp: true } });
  try {
    const wrong = fc
      .sample(text, { numRuns: 400, seed: 3 })
      .filter((one) => fateOf(one, '1.2') === 'refused');
    expect(wrong.length).toBeGreaterThan(100);
    const token = issueToken('alice', SECRET);
    for (const sample of wrong.slice(0, 200)) {
      const socket = new WebSocket(stack.wsUrl, ['v12.stomp']);
      const heard: string[] = [];
      socket.on('message', (data) => {
        heard.push(String(data));
        if (heard.length === 1) socket.send(sample);
      });
      socket.on('open', () => socket.send(`CONNECT\naccept-version:1.2\ntoken:${token}\n\n\0`));
      await new Promise((resolve, reject) => socket.on('close', resolve).on('error', reject));
      expect(heard.at(-1)).toMatch(/^ERROR\nmessage:/);
    }
    const history = await fetch(`${stack.httpUrl}/users/alice/messages`);
    expect(await history.json()).toEqual({ messages: [], through: 0, head: 0 });
    const presence = await fetch(`${stack.httpUrl}/users/alice/connections`);
    expect(await presence.json()).toMatchObject({ connections: [] });
  } finally {
    await stack.stop();
  }
});

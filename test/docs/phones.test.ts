/**
 * The snippets for iOS and Android. Neither Swift nor Kotlin runs here: the handshake each writes down is read out of it and made to
 * the local stack, and its brackets have to match.
 */

import { expect, it } from 'vitest';
import WebSocket from 'ws';
import { block } from './blocks.ts';
import { LocalStack } from './local-stack.ts';

const stack = new LocalStack();

const isBalanced = (text: string): boolean => {
  const open: string[] = [];
  const partner: Record<string, string> = { ')': '(', ']': '[', '}': '{' };
  for (const sign of text) {
    if ('([{'.includes(sign)) open.push(sign);
    else if (partner[sign] && open.pop() !== partner[sign]) return false;
  }
  return open.length === 0;
};

/** The first frame, and the sub-protocol that was chosen. */
async function firstFrame(url: string, protocols: string[], headers: Record<string, string>) {
  const socket = new WebSocket(url, protocols, { headers });
  try {
    return await new Promise<{ frame: unknown; protocol: string }>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('message', (data) =>
        resolve({ frame: JSON.parse(data.toString()), protocol: socket.protocol }),
      );
    });
  } finally {
    socket.terminate();
  }
}

const filledIn = (text: string) =>
  text
    .replace('wss://…/prod', stack.wsUrl)
    .replaceAll(/\\\(token\)|\$token/g, stack.token('phones'))
    .replaceAll(/\\\(deviceId\)/g, 'phone');

it('iOS: the sub-protocols and the device id of the snippet open a connection', async () => {
  const text = block('docs/guide.md: let url = URL(');
  expect(isBalanced(text)).toBe(true);
  const url = filledIn(text.match(/URL\(string: "(.*?)"\)/)?.[1] ?? '');
  const protocols = text.match(/protocols: \[(.*?)\]/)?.[1]?.match(/(?<=")[^"]+(?=")/g) ?? [];
  const offered = protocols.filter((name) => name !== ', ').map(filledIn);
  expect(await firstFrame(url, offered, {})).toMatchObject({
    frame: { event: 'ready', userId: 'phones', deviceId: 'phone' },
    protocol: 'herald.v1',
  });
});

it('Android: the headers of the snippet open a connection', async () => {
  const text = block('docs/guide.md: val request = Request.Builder()');
  expect(isBalanced(text)).toBe(true);
  const url = filledIn(text.match(/\.url\("(.*?)"\)/)?.[1] ?? '');
  const headers = [...text.matchAll(/\.header\("(.*?)", (?:"(.*?)"|deviceId)\)/g)].map(
    ([, name = '', value = 'phone']) => [name, filledIn(value)],
  );
  expect(headers).toHaveLength(2);
  expect(await firstFrame(url, [], Object.fromEntries(headers))).toMatchObject({
    frame: { event: 'ready', userId: 'phones', deviceId: 'phone' },
  });
});

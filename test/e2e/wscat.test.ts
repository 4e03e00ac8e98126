/** A client we did not write. */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { Target } from './target.ts';

const target = new Target();
const WSCAT = createRequire(import.meta.url).resolve('wscat/bin/wscat');

it('wscat connects, listens and acknowledges', async () => {
  const user = target.newUser();
  const url = `${target.wsUrl}?deviceId=terminal&ack=client`;
  const protocols = ['-s', 'herald.v1', '-s', `bearer.${target.token(user)}`];
  const wscat = spawn(process.execPath, [WSCAT, '--no-color', '-c', url, ...protocols]);
  let output = '';
  const prints = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error(`never printed ${text}: ${output}`)), 45_000);
      const look = () => {
        if (!output.includes(text)) return;
        clearTimeout(deadline);
        wscat.stdout.off('data', look);
        resolve();
      };
      wscat.stdout.on('data', look);
      look();
    });
  wscat.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });

  await prints('"event":"replay"');
  await target.publish(user, 'hello wscat');
  await prints('hello wscat');
  wscat.stdin.write('{"action":"ack","seq":1}\n{"action":"ack","seq":7,"ref":"too-far"}\n');
  await prints('"ref":"too-far"');
  wscat.kill();

  const back = await target.device(user, 'terminal');
  expect(await back.event('ready')).toMatchObject({ cursor: 1 });
});

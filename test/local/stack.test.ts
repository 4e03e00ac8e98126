/** The whole local stack with the real Lambdas, in a thread of their own: it starts, carries a message through, stops, starts again. */
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { afterEach, expect, it } from 'vitest';
import { issueToken } from '../../local/cli/token.ts';
import { type Stack, startStack } from '../../local/stack.ts';
import { type Client, connect } from './emulator/support.ts';

const JWT_SECRET = 'a secret of this test, long enough for HS256';

let stack: Stack | undefined;
afterEach(async () => {
  await stack?.stop();
  stack = undefined;
});

const listen = ({ wsUrl }: Stack, user: string, deviceId: string): Promise<Client> =>
  connect(wsUrl, {
    headers: { Authorization: `Bearer ${issueToken(user, JWT_SECRET)}`, 'X-Device-Id': deviceId },
  });

const nextFrame = async (client: Client) => JSON.parse(await client.next());

const putEvent = ({ httpUrl }: Stack, id: string) =>
  new EventBridgeClient({
    endpoint: httpUrl,
    region: 'us-east-1',
    credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
  }).send(
    new PutEventsCommand({
      Entries: [
        {
          EventBusName: 'herald',
          Source: 'test',
          DetailType: 'Notification',
          Detail: JSON.stringify({ to: { user: 'alice' }, type: 'greeting', id }),
        },
      ],
    }),
  );

it.each(['first', 'second, in the same process'])('carries a message through: the %s start', async (id) => {
  const environment = { ...process.env };
  stack = await startStack({ port: 0, quiet: true, jwtSecret: JWT_SECRET });
  const client = await listen(stack, 'alice', 'phone');
  expect(await nextFrame(client)).toMatchObject({ event: 'ready', userId: 'alice', deviceId: 'phone' });
  expect(await nextFrame(client)).toMatchObject({ event: 'replay', messages: [] });
  await putEvent(stack, id);
  expect(await nextFrame(client)).toMatchObject({ event: 'message', id, seq: 1 });

  const connections = async (url: string) => (await fetch(`${url}/users/alice/connections`)).json();
  expect(await connections(stack.httpUrl)).toMatchObject({ connections: [{ deviceId: 'phone' }] });
  await stack.stop();
  expect((await client.closed).code).toBe(1001);
  expect(process.env).toEqual(environment);
});

it('leaves nothing behind when it cannot start', async () => {
  stack = await startStack({ port: 0, quiet: true });
  const environment = { ...process.env };
  await expect(startStack({ port: stack.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  expect(process.env).toEqual(environment);
  expect((await fetch(`${stack.httpUrl}/health`)).status).toBe(200);
});

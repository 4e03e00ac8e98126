/** `herald listen`: every frame that comes for a user, as one of the user's devices. */
import { randomBytes } from 'node:crypto';
import { styleText } from 'node:util';
import { isTopic, TOPIC_RULE, topicChannel } from '../../../lambdas/protocol/channel.ts';
import { ACK_MODES, type AckMode, type ServerFrame } from '../../../lambdas/protocol/frames.ts';
import { isToken, TOKEN_RULE } from '../../../lambdas/protocol/names.ts';
import { Refused } from '../client.ts';
import { defineCommand } from '../command.ts';
import { listen as listenAs } from '../listen.ts';
import { isLoopback } from '../signed-request.ts';
import { targetOptions, targetUrl } from '../target.ts';
import { issueToken, readJwtSecret } from '../token.ts';
import { checked, optional, usersOf } from '../values.ts';

export const listen = defineCommand({
  summary: 'Prints every frame that comes for each user, acknowledges, and connects again.',
  operands: '<user>…',
  options: {
    device: { value: 'ID', help: 'the device it is (default: made up; give one to go on where it stopped)' },
    ack: { value: 'MODE', help: `${ACK_MODES.join(' or ')} (default client)` },
    topic: { value: 'NAME', isList: true, help: 'to subscribe to, too; may be given several times' },
    token: { value: 'JWT', help: 'of the user (default: signed with HERALD_JWT_SECRET)' },
    ...targetOptions('WebSocketUrl'),
    json: { help: 'print {"userId":…,"deviceId":…,"frame":{…}}, a line for each frame' },
  },
  notes: 'HERALD_JWT_SECRET is that of the local stack unless it is set. Ctrl-C ends it.',
  async run(operands, { device, ack = 'client', topic = [], token, json, ...target }) {
    const users = usersOf(operands);
    if (token !== undefined && users.length > 1) throw new Error('--token is for one user, got several');
    const url = targetUrl('WebSocketUrl', target);
    const deviceId = optional('--device', device, isToken, TOKEN_RULE) ?? madeUpDevice();
    const topics = topic.map((name) => checked('--topic', name, isTopic, TOPIC_RULE));
    const shared = { url, deviceId, topics, ack: ackMode(ack), token: tokenOf(token, url) };
    await Promise.all(users.map((userId) => listenTo({ ...shared, userId, isJson: json === true })));
  },
});

const madeUpDevice = (): string => `cli-${randomBytes(4).toString('hex')}`;

function ackMode(text: string): AckMode {
  const mode = ACK_MODES.find((known) => known === text);
  if (mode) return mode;
  throw new Error(`--ack is "${text}", expected ${ACK_MODES.join(' or ')}`);
}

/**
 * Undefined: tokens are made, for which a secret is there. What cannot become a token would fail at
 * each attempt to connect. The local stack's own secret signs nothing that a deployed one takes.
 */
function tokenOf(given: string | undefined, url: URL): string | undefined {
  if (given !== undefined) {
    if (/^[\w.-]+$/.test(given)) return given;
    throw new Error('--token is no JWT: expected A-Z a-z 0-9 _ - and two dots');
  }
  if (!isLoopback(url) && !process.env.HERALD_JWT_SECRET)
    throw new Error(
      `--token is missing: ${url.host} takes no token of the local stack; or set HERALD_JWT_SECRET`,
    );
  readJwtSecret();
  return undefined;
}

interface Listener {
  userId: string;
  deviceId: string;
  url: URL;
  ack: AckMode;
  topics: string[];
  token: string | undefined;
  isJson: boolean;
}

async function listenTo({ userId, deviceId, url, ack, topics, token, isJson }: Listener): Promise<void> {
  const who = `${userId}/${deviceId}`;
  const print = isJson ? jsonPrinter(userId, deviceId) : linePrinter(who);
  try {
    print(
      await listenAs({
        url: url.href,
        deviceId,
        ack,
        topics,
        print,
        token: () => token ?? tokenFor(userId, topics),
      }),
    );
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw new Error(`${who}: ${error.message}${REFUSALS[error.status] ?? ''}`, { cause: error });
  }
}

/** It allows what is to be heard, and nothing else. */
const tokenFor = (userId: string, topics: string[]): string => {
  const subscribe = topics.map((topic) => topicChannel(topic).name);
  return issueToken(userId, readJwtSecret(), { permissions: topics.length > 0 ? { subscribe } : undefined });
};

/** What a status of the handshake most likely means. */
const REFUSALS: Record<number, string> = {
  401: ': the token has expired or is not one of this stack (secret, issuer, audience)',
  403: ': is the path of --url right? It ends in the stage, as in wss://…/prod',
};

const linePrinter =
  (who: string) =>
  (what: string, frame?: ServerFrame): void => {
    const time = new Date().toISOString().slice(11, 23);
    const { event = what, ...fields } = frame ?? {};
    const name = styleText(frame ? 'cyan' : 'yellow', event.padEnd(7));
    console.log(`${time} ${who} ${name}`, frame ? JSON.stringify(fields) : '');
  };

/** What is no frame goes where it does not disturb whoever reads the frames. */
const jsonPrinter =
  (userId: string, deviceId: string) =>
  (what: string, frame?: ServerFrame): void => {
    if (frame) console.log(JSON.stringify({ userId, deviceId, frame }));
    else console.error(what);
  };

/**
 * What the Lambda `message` loads for the first frame of a STOMP client, and for no other: whoever
 * speaks JSON does not wait for it.
 */
import { createSockets } from './app.ts';
import { TokenError } from './auth/verify-token.ts';
import { createAuthorizerApp } from './authorizer-app.ts';
import type { App } from './domain/app.ts';
import type { VerifyStompToken } from './domain/stomp/app.ts';
import type { StompSender } from './domain/stomp/connect.ts';
import { receiveStomp } from './domain/stomp/session.ts';
import { readAuthEnv, readEnv } from './env.ts';
import { stompFrames } from './wire/stomp/read.ts';

const { verify: verifyToken, logger } = createAuthorizerApp('message', readAuthEnv());
const stores = createSockets('message', readEnv());

const verify: VerifyStompToken = async (token) => {
  try {
    return await verifyToken(token);
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    logger.metrics({ tokensRefused: 1 }, 'token refused', { reason: error.message });
    return undefined;
  }
};

/** Obeys the frames of one WebSocket message. */
export const receive = (app: App, sender: StompSender, text: string): Promise<void> =>
  receiveStomp({ ...app, ...stores, verify }, sender, stompFrames(text));

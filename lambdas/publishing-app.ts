/** The app of a Lambda that posts what is published: it may meet clients of STOMP. */
import { createApp } from './app.ts';
import type { App } from './domain/app.ts';
import type { MessageTypes } from './domain/publish/message-types.ts';
import type { Env } from './env.ts';

/** `lambda`: its name in the logs. */
export const createPublishingApp = (lambda: string, env: Env, types: MessageTypes = {}): App => ({
  ...createApp(lambda, env, types),
  loadPump: () => import('#pump'),
});

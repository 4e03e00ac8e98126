/** The apps of the Lambdas that know of clients of STOMP without being asked by one. */
import { createApp, createGatewayForAll, createPending, createRowsApp, createSockets } from './app.ts';
import type { Env } from './env.ts';

/** Lets them wait for their `CONNECT`, and forgets them. */
export const createPendingApp = (lambda: string, env: Env) => ({
  ...createRowsApp(lambda, env),
  ...createPending(env),
});

/** Closes their connections. */
export const createAppForAll = (lambda: string, env: Env) => ({
  ...createApp(lambda, env),
  ...createGatewayForAll(lambda, env),
});

/** Pumps, too. */
export const createPumpingApp = (lambda: string, env: Env) => ({
  ...createApp(lambda, env),
  ...createSockets(lambda, env),
});

/** Puts the Lambda `users` together. */
import { createUserRows } from './adapters/dynamodb/user-rows.ts';
import { connect } from './app.ts';
import type { EraseApp } from './domain/erase.ts';
import type { Env } from './env.ts';
import { createAppForAll } from './stomp-app.ts';

/** `lambda`: its name in the logs. */
export const createUsersApp = (lambda: string, env: Env): EraseApp => ({
  ...createAppForAll(lambda, env),
  userRows: createUserRows(connect(env), env.tables, Date.now),
});

/** The Lambda `users` as it is deployed. */
import { createApp } from '../app.ts';
import { readEnv } from '../env.ts';
import { createUsersHandler } from '../handlers/users.ts';

export const handler = createUsersHandler(createApp('users', readEnv()));

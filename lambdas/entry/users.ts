/** The Lambda `users` as it is deployed. */
import { readEnv } from '../env.ts';
import { createUsersHandler } from '../handlers/users.ts';
import { createAppForAll } from '../stomp-app.ts';

export const handler = createUsersHandler(createAppForAll('users', readEnv()));

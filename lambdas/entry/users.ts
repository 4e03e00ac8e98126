/** The Lambda `users` as it is deployed. */
import { readEnv } from '../env.ts';
import { createUsersHandler } from '../handlers/users.ts';
import { createUsersApp } from '../users-app.ts';

export const handler = createUsersHandler(createUsersApp('users', readEnv()));

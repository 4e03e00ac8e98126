/**
 * What a Lambda that publishes loads for the first client of STOMP that it meets, and for no other:
 * whoever speaks JSON does not wait for it.
 */
import { createSockets } from './app.ts';
import type { Pump } from './domain/app.ts';
import * as next from './domain/stomp/deliver-next.ts';
import { readEnv } from './env.ts';

const stores = createSockets('pump', readEnv());

export const deliverNext: Pump['deliverNext'] = (app, subscription, stored) =>
  next.deliverNext({ ...app, ...stores }, subscription, stored);

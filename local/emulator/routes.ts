/** Which Lambda serves each route of the two APIs and each event of the bus, as the manifest says. */
import type { LambdaSpec } from '../../lambdas/lambda-spec.ts';
import { LAMBDA_NAMES, LAMBDAS, type LambdaName } from '../../lambdas/manifest.ts';

const served = <Key extends string>(keysOf: (spec: LambdaSpec) => readonly Key[]): [Key, LambdaName][] =>
  LAMBDA_NAMES.flatMap((name) => keysOf(LAMBDAS[name]).map((key): [Key, LambdaName] => [key, name]));

/** By route key, as in `GET /users/{userId}/messages`. */
export const HTTP_ROUTES = Object.fromEntries(served(({ httpRoutes = {} }) => Object.keys(httpRoutes)));

/** By route key, as in `$connect`. */
export const WEB_SOCKET_ROUTES = new Map(served(({ webSocketRoutes = [] }) => webSocketRoutes));

/** By detail type. */
export const BUS_EVENTS = new Map(served<string>(({ busEvents = [] }) => busEvents));

/**
 * Which route takes a message: `$request.body.action`.
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html
 */
import type { WebSocketRoute } from '../../../lambdas/lambda-spec.ts';
import { isRecord } from '../../../lambdas/protocol/json.ts';
import { WEB_SOCKET_ROUTES } from '../routes.ts';

/** What is not JSON, or names no route of its own, goes to `$default`. */
export function messageRoute(text: string): WebSocketRoute {
  const action = actionIn(text);
  const route = [...WEB_SOCKET_ROUTES.keys()].find((key) => key === action);
  // A client cannot call the routes of API Gateway's own.
  return route === undefined || route.startsWith('$') ? '$default' : route;
}

function actionIn(text: string): unknown {
  try {
    const body: unknown = JSON.parse(text);
    return isRecord(body) ? body.action : undefined;
  } catch {
    return undefined;
  }
}

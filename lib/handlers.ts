/** The Lambdas, by the names of their files in `lambdas/handlers/`. */
export const HANDLERS = [
  'authorizer',
  'connect',
  'disconnect',
  'message',
  'notify',
  'reconcile',
  'users',
] as const;

export type HandlerName = (typeof HANDLERS)[number];

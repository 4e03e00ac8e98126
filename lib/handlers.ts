/** The Lambdas, by the names of their files in `lambdas/handlers/`. */
export const HANDLERS = [
  'authorizer',
  'connect',
  'disconnect',
  'frame',
  'notify',
  'replay',
  'users',
] as const;

export type HandlerName = (typeof HANDLERS)[number];

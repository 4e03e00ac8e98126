/** Holds all traffic of the suite against the schemas we publish: docs/openapi.yaml and docs/asyncapi.yaml. */
import type { ServerFrame } from '../../lambdas/protocol/frames.ts';
import { schemasOf } from '../support/schemas.ts';

const checkHttp = schemasOf('openapi.yaml');
const checkFrame = schemasOf('asyncapi.yaml');

const FRAMES: Record<ServerFrame['event'], string> = {
  ready: 'Ready',
  message: 'MessageFrame',
  replay: 'Replay',
  pong: 'Pong',
  error: 'Error',
  bye: 'Bye',
};

/** By request: what a 200 carries. */
const ANSWERS: [method: string, path: RegExp, schema: string][] = [
  ['POST', /^\/notifications$/, 'PublishAnswer'],
  ['GET', /^\/users\/[^/]+\/messages(\?|$)/, 'History'],
  ['GET', /^\/users\/[^/]+\/connections$/, 'Presence'],
  ['DELETE', /^\/users\/[^/]+\/connections(\?|$)/, 'Revoked'],
];

const PROBLEMS: Record<number, string> = {
  400: 'Problem',
  409: 'UnpublishedProblem',
  413: 'Problem',
  503: 'UnpublishedProblem',
};

/** Throws for a frame that is not as published. */
export const holdFrame = (frame: ServerFrame): void => checkFrame(FRAMES[frame.event], frame);

/** Throws for an answer that is not as published, and for a request that is not although it was obeyed. */
export function holdExchange(
  method: string,
  path: string,
  request: unknown,
  status: number,
  answer: unknown,
): void {
  const known = ANSWERS.find(([ofMethod, ofPath]) => ofMethod === method && ofPath.test(path));
  if (!known) return; // unknown paths are answered by the platform
  const schema = status === 200 ? known[2] : PROBLEMS[status];
  if (schema) checkHttp(schema, answer);
  if (status === 200 && method === 'POST') checkHttp('Notification', request);
}

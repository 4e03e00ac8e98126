/** Holds all traffic of the suite against the schemas we publish: docs/openapi.yaml and docs/asyncapi.yaml. */
import type { ServerFrame } from '../../lambdas/protocol/frames.ts';
import { schemasOf } from '../support/schemas.ts';

const checkHttp = schemasOf('openapi.yaml');
const checkFrame = schemasOf('asyncapi.yaml');

const FRAMES: Record<ServerFrame['event'], string> = {
  ready: 'Ready',
  message: 'MessageFrame',
  replay: 'Replay',
  subscribed: 'Subscribed',
  unsubscribed: 'Unsubscribed',
  published: 'Published',
  taken: 'Taken',
  withdrawn: 'Withdrawn',
  read: 'ReadStateFrame',
  history: 'HistoryFrame',
  pong: 'Pong',
  error: 'Error',
  bye: 'Bye',
};

interface Exchange {
  method: string;
  path: RegExp;
  /** What the body of a request that was obeyed is. */
  request?: string;
  /** By status: what the answer carries. A 204 carries nothing. */
  answers: Record<number, string>;
}

const REFUSED = { 400: 'Problem', 413: 'Problem' };

const EXCHANGES: Exchange[] = [
  {
    method: 'POST',
    path: /^\/notifications$/,
    request: 'Notification',
    answers: { 200: 'PublishAnswer', 409: 'UnpublishedProblem', 503: 'UnpublishedProblem' },
  },
  { method: 'GET', path: /^\/users\/[^/]+\/messages$/, answers: { 200: 'History' } },
  { method: 'GET', path: /^\/users\/[^/]+\/connections$/, answers: { 200: 'Presence' } },
  { method: 'GET', path: /^\/users\/[^/]+\/inbox$/, answers: { 200: 'Inbox' } },
  { method: 'PUT', path: /^\/users\/[^/]+\/read$/, request: 'Mark', answers: { 200: 'ReadState' } },
  { method: 'DELETE', path: /^\/users\/[^/]+\/connections$/, answers: { 200: 'Revoked' } },
  { method: 'GET', path: /^\/users\/[^/]+\/topics$/, answers: { 200: 'TopicsOfUser' } },
  {
    method: 'PUT',
    path: /^\/topics\/[^/]+\/members\/[^/]+$/,
    answers: { 200: 'Membership', 409: 'Problem' },
  },
  { method: 'DELETE', path: /^\/topics\/[^/]+\/members\/[^/]+$/, answers: {} },
  {
    method: 'POST',
    path: /^\/topics\/[^/]+\/members$/,
    request: 'MemberChanges',
    answers: { 200: 'ChangedMembers' },
  },
  { method: 'GET', path: /^\/topics\/[^/]+\/members$/, answers: { 200: 'Members' } },
  { method: 'GET', path: /^\/(topics\/[^/]+|everyone)\/messages$/, answers: { 200: 'History' } },
  { method: 'GET', path: /^\/topics\/[^/]+\/connections$/, answers: { 200: 'Listeners' } },
];

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
  const [plainPath = ''] = path.split('?');
  const known = EXCHANGES.find((exchange) => exchange.method === method && exchange.path.test(plainPath));
  if (!known) return; // unknown paths are answered by the platform
  const schema = { ...REFUSED, ...known.answers }[status];
  if (schema) checkHttp(schema, answer);
  if (status === 200 && known.request) checkHttp(known.request, request);
}

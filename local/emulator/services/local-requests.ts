/**
 * Requests about the local stack itself, which AWS answers elsewhere: what it puts on its event bus,
 * and where its tables are.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerJson } from '../http.ts';
import type { EventWatch } from './event-bus.ts';

export interface LocalRequests {
  /** False: the request is not about the stack itself. */
  answer(request: IncomingMessage, response: ServerResponse): boolean;
  /** Tells everybody who watches, from when they began to. */
  ownEvents: EventWatch;
}

/** Where things are, for programs that look behind the requests. */
export interface Resources {
  dynamodb: string;
  /** Where services put what is to be published with their own transactions. */
  outboxTable: string;
  /** The names of the tables. */
  tables: object;
}

const EVENTS_PATH = '/local/events';
const RESOURCES_PATH = '/local/resources';
const UNCACHED = { 'cache-control': 'no-store' };

export function createLocalRequests(resources: Resources): LocalRequests {
  const watchers = new Set<ServerResponse>();
  return {
    answer({ method, url = '' }, response) {
      const [path] = url.split('?');
      if (method !== 'GET') return false;
      if (path === EVENTS_PATH) stream(response, watchers);
      else if (path === RESOURCES_PATH) answerJson(response, 200, resources, UNCACHED);
      else return false;
      return true;
    },
    ownEvents(event) {
      for (const watcher of watchers) watcher.write(`data: ${JSON.stringify(event)}\n\n`);
    },
  };
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html */
function stream(response: ServerResponse, watchers: Set<ServerResponse>): void {
  watchers.add(response);
  response.once('close', () => watchers.delete(response));
  response.writeHead(200, { ...UNCACHED, 'content-type': 'text/event-stream' }).flushHeaders();
}

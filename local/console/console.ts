/** The console at `/` of the local stack: its page, tokens for whoever uses it, and how long each run of a Lambda took. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isUserId, USER_ID_RULE } from '../../lambdas/protocol/names.ts';
import { issueToken } from '../cli/token.ts';
import { answerJson } from '../emulator/http.ts';
import type { Lambdas } from '../emulator/lambdas.ts';
import { createConsoleFiles } from './files.ts';

export interface Console {
  /** False: the request is not for the console. */
  answer(request: IncomingMessage, response: ServerResponse): Promise<boolean>;
  /** The same Lambdas; open pages hear of every run that has ended. */
  watch(lambdas: Lambdas): Lambdas;
}

/** One run of a Lambda, as a page hears of it. */
export interface LambdaRun {
  name: string;
  milliseconds: number;
}

const TOKEN_PATH = '/console/token';
const RUNS_PATH = '/console/runs';

export async function createConsole(jwtSecret: string): Promise<Console> {
  const files = await createConsoleFiles();
  const pages = new Set<ServerResponse>();

  const tell = (run: LambdaRun) => {
    for (const page of pages) page.write(`data: ${JSON.stringify(run)}\n\n`);
  };

  return {
    async answer({ method, url = '', headers }, response) {
      const [path = '', query] = url.split('?');
      if (method !== 'GET' && method !== 'HEAD') return false;
      if (path === TOKEN_PATH || path === RUNS_PATH) {
        if (!isLocal(headers.host)) answerJson(response, 403, { message: 'Only for this machine' });
        else if (path === TOKEN_PATH)
          answerToken(response, jwtSecret, new URLSearchParams(query).get('user'));
        else stream(response, pages);
        return true;
      }
      return await files.answer(path, response);
    },
    watch: (lambdas) => ({
      has: lambdas.has,
      async invoke(name, event, requestId) {
        const startedAt = performance.now();
        try {
          return await lambdas.invoke(name, event, requestId);
        } finally {
          tell({ name, milliseconds: performance.now() - startedAt });
        }
      },
    }),
  };
}

/** A page of another site can make its own name point at this machine, but cannot change the name the browser then sends. */
const isLocal = (host = ''): boolean => /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host);

const UNCACHED = { 'cache-control': 'no-store' };

function answerToken(response: ServerResponse, secret: string, user: string | null): void {
  if (isUserId(user)) answerJson(response, 200, { token: issueToken(user, secret) }, UNCACHED);
  else answerJson(response, 400, { message: `user: expected ${USER_ID_RULE}` });
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html */
function stream(response: ServerResponse, pages: Set<ServerResponse>): void {
  response.writeHead(200, { ...UNCACHED, 'content-type': 'text/event-stream' }).flushHeaders();
  pages.add(response);
  response.once('close', () => pages.delete(response));
}

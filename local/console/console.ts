/** The console at `/` of the local stack: its page, tokens for whoever uses it, and how long each run of a Lambda took. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isUserId, USER_ID_RULE } from '../../lambdas/protocol/names.ts';
import { issueToken } from '../cli/token.ts';
import type { AppSettings } from '../emulator/app-settings.ts';
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
const SETTINGS_PATH = '/console/settings';

/** What the tokens of the page allow. Not every topic: the page is to show what is for members only, too. */
const SUBSCRIBE = ['topic:news', 'topic:news.*'];

export async function createConsole(jwtSecret: string, settings: AppSettings): Promise<Console> {
  const files = await createConsoleFiles();
  const pages = new Set<ServerResponse>();

  const tell = (run: LambdaRun) => {
    for (const page of pages) page.write(`data: ${JSON.stringify(run)}\n\n`);
  };

  return {
    async answer({ method, url = '' }, response) {
      const [path = '', query] = url.split('?');
      if (method !== 'GET' && method !== 'HEAD') return false;
      switch (path) {
        case TOKEN_PATH:
          answerToken(response, { secret: jwtSecret, settings }, new URLSearchParams(query).get('user'));
          return true;
        case SETTINGS_PATH:
          answerJson(response, 200, { ...settings, subscribe: SUBSCRIBE }, UNCACHED);
          return true;
        case RUNS_PATH:
          stream(response, pages);
          return true;
        default:
          return await files.answer(path, response);
      }
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

const UNCACHED = { 'cache-control': 'no-store' };

interface Issuer {
  secret: string;
  settings: AppSettings;
}

function answerToken(
  response: ServerResponse,
  { secret, settings: { jwksUrl, ...rules } }: Issuer,
  user: string | null,
): void {
  if (jwksUrl !== undefined)
    answerJson(response, 409, { message: `Tokens come from ${rules.issuer}: none can be made here` });
  else if (!isUserId(user)) answerJson(response, 400, { message: `user: expected ${USER_ID_RULE}` });
  else answerJson(response, 200, { token: issueToken(user, secret, claimsOf(rules)) }, UNCACHED);
}

const claimsOf = ({ issuer, audience, permissionsClaim }: AppSettings) => ({
  issuer,
  audience,
  permissionsClaim,
  permissions: { subscribe: SUBSCRIBE },
});

/** https://html.spec.whatwg.org/multipage/server-sent-events.html */
function stream(response: ServerResponse, pages: Set<ServerResponse>): void {
  response.writeHead(200, { ...UNCACHED, 'content-type': 'text/event-stream' }).flushHeaders();
  pages.add(response);
  response.once('close', () => pages.delete(response));
}

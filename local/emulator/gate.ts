/**
 * Who may speak to the local stack. It listens on this machine only, but so does every page that a
 * browser of this machine shows, and nothing here is signed.
 *
 * - `Host` must be a name of this machine. Example: `evil.example` resolves to 127.0.0.1 for a
 *   moment (DNS rebinding); the browser then takes the stack for that site, but still sends its name.
 * - `Origin` must be our own page's, or listed. Example: a form of any site posts `text/plain`
 *   to `/notifications`; the browser shows it no answer, but the notification is out.
 * - WebSockets may come from any page that this machine serves, since that is what the stack is
 *   for. Pages from elsewhere may not: they know the secret that is printed here, and so every token.
 */
import type { IncomingMessage } from 'node:http';

export interface GateOptions {
  /** Further names of this machine, with a port or for any port. */
  hosts?: readonly string[] | undefined;
  /** Pages from elsewhere that may do what our own may, as in `https://app.example`. */
  origins?: readonly string[] | undefined;
}

export interface Gate {
  /** Why this request must not be answered. Undefined: it may. */
  requestProblem(request: IncomingMessage): string | undefined;
  /** The same for the handshake of a WebSocket. */
  upgradeProblem(request: IncomingMessage): string | undefined;
  /** The listed page that sent it, which the browser lets read the answer only if the answer says so. */
  listedOrigin(request: IncomingMessage): string | undefined;
}

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];
const HTTP_PORT = 80;

export function createGate({ hosts = [], origins = [] }: GateOptions, port: number): Gate {
  const own = LOOPBACK.map((name) => (port === HTTP_PORT ? name : `${name}:${port}`));
  const known = new Set([...own, ...hosts].map((host) => host.toLowerCase()));
  const listed = new Set(origins);

  const hostProblem = (host = ''): string | undefined => {
    const name = host.toLowerCase();
    if (known.has(name) || known.has(name.replace(/:\d+$/, ''))) return undefined;
    return `Host "${host}" is not this stack, expected ${own.join(', ')} or one given with --allow-host`;
  };
  const originProblem = (origin: string): string =>
    `The page of ${origin} may not use this stack, unless --allow-origin ${origin} is given`;

  return {
    requestProblem({ method, headers }) {
      const { host, origin } = headers;
      const problem = hostProblem(host);
      if (problem !== undefined) return problem;
      if (origin !== undefined) {
        return isOwn(origin, host) || listed.has(origin) ? undefined : originProblem(origin);
      }
      const isForeign = ['cross-site', 'same-site'].includes(String(headers['sec-fetch-site']));
      const isVisit = method === 'GET' && headers['sec-fetch-dest'] === 'document';
      return isForeign && !isVisit ? originProblem('another site') : undefined;
    },
    upgradeProblem({ headers: { host, origin } }) {
      const problem = hostProblem(host);
      if (problem !== undefined || origin === undefined) return problem;
      const isAllowed = isOwn(origin, host) || listed.has(origin) || isOfThisMachine(origin);
      return isAllowed ? undefined : originProblem(origin);
    },
    listedOrigin: ({ headers: { origin } }) =>
      origin !== undefined && listed.has(origin) ? origin : undefined,
  };
}

const hostOf = (origin: string): URL | undefined => (URL.canParse(origin) ? new URL(origin) : undefined);

const isOwn = (origin: string, host: string | undefined): boolean =>
  hostOf(origin)?.host === host?.toLowerCase();

/** Browsers resolve every name below `localhost` to this machine. */
function isOfThisMachine(origin: string): boolean {
  const { protocol, hostname = '' } = hostOf(origin) ?? {};
  return /^https?:$/.test(protocol ?? '') && (LOOPBACK.includes(hostname) || hostname.endsWith('.localhost'));
}

/**
 * Stands in for the backend of an app: it knows who is signed in, and publishes what happens to his
 * orders. A real one signs its own tokens, and its requests to Herald with its AWS credentials.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Connect, Plugin } from 'vite';

/** The local stack: `npm start` in Herald's repository. */
const heraldUrl = (): string => process.env.HERALD_URL ?? 'http://127.0.0.1:8787';

/** At `/api` of the dev server and of the preview. */
export const backend = (): Plugin => ({
  name: 'backend',
  configureServer: ({ middlewares }) => void middlewares.use('/api', answer),
  configurePreviewServer: ({ middlewares }) => void middlewares.use('/api', answer),
});

const answer: Connect.NextHandleFunction = (request, response) => {
  respond(request, response).catch((error: unknown) => {
    const message = `${error instanceof Error ? error.message : error}: is npm start running?`;
    send(response, 502, { message });
  });
};

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://backend');
  const user = searchParams.get('user') ?? '';
  switch (`${request.method} ${pathname}`) {
    case 'GET /token':
      return send(response, 200, await herald(`/console/token?user=${encodeURIComponent(user)}`));
    case 'POST /orders': {
      const orderId = Math.floor(1000 + Math.random() * 9000);
      await publish({ user }, 'order.shipped', { orderId });
      return send(response, 200, { orderId });
    }
    case 'POST /news':
      await publish({ topic: 'news' }, 'news.published', { text: searchParams.get('text') ?? '' });
      return send(response, 200, {});
    default:
      send(response, 404, { message: `There is no ${request.method} ${pathname}` });
  }
}

const publish = (to: object, type: string, data: object): Promise<unknown> =>
  herald('/notifications', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ to, type, data }),
  });

async function herald(path: string, init?: RequestInit): Promise<unknown> {
  const answered = await fetch(`${heraldUrl()}${path}`, init);
  if (!answered.ok) throw new Error(`Herald answered ${answered.status} ${await answered.text()}`);
  return answered.json();
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

/** The requests of the commands to a stack's HTTPS API, and what its refusals say. */
import { userPath } from '../../lambdas/protocol/user-path.ts';
import { type HttpRequest, send } from './signed-request.ts';

interface ProblemBody {
  detail?: string;
  message?: string;
  errors?: { path: string; message: string }[];
}

export interface Call {
  method: HttpRequest['method'];
  /** Of the stack; the path of the request comes behind it. */
  base: URL;
  path: string;
  query?: Record<string, string | number | undefined> | undefined;
  /** A text is sent as it is. */
  body?: unknown;
}

/** The text of a 200. Rejects with an error of one line that says what the stack does not like. */
export async function request({ method, base, path, query = {}, body }: Call): Promise<string> {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/$/, '')}${path}`;
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const answer = await send({
    method,
    url,
    ...(body !== undefined && {
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  });
  if (answer.status === 200) return answer.body;
  throw new Error(`refused (${answer.status}): ${reasonOf(answer.body)}`);
}

type UserPart = 'messages' | 'connections' | 'topics' | 'inbox' | 'read';

/** The path of a user. */
export const userPathOf = (userId: string): string => `/users/${userPath(userId)}`;

/** The path of what the stack knows of a user. */
export const pathOf = (userId: string, what: UserPart): string => `${userPathOf(userId)}/${what}`;

/** The path of a topic's members. */
export const membersPath = (topic: string): string => `/topics/${topic}/members`;

/** The path of what is kept of a topic, or of what went to everyone. */
export const channelMessagesPath = (topic: string | undefined): string =>
  topic === undefined ? '/everyone/messages' : `/topics/${topic}/messages`;

/** Asks for each user in turn and prints: what the stack answered, or with `isJson` unset what `describe` makes of it. */
export async function printEach<Body>(
  users: string[],
  ask: (userId: string) => Promise<string>,
  isJson: boolean | undefined,
  describe: (userId: string, body: Body) => string[],
): Promise<void> {
  for (const userId of users) {
    const answer = await ask(userId);
    if (isJson) console.log(answer);
    else for (const line of describe(userId, JSON.parse(answer) as Body)) console.log(line);
  }
}

function reasonOf(body: string): string {
  try {
    const { errors, detail, message } = JSON.parse(body) as ProblemBody;
    const faults = errors?.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ');
    return faults || detail || message || body;
  } catch {
    return body;
  }
}

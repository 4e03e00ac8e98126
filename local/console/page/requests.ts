/** The page's own requests to the stack. An answer that is no success is an error that says why, by field where it can. */

interface FieldError {
  path: string;
  message: string;
}

export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly errors: readonly FieldError[];

  constructor(message: string, errors: readonly FieldError[] = []) {
    super(message);
    this.errors = errors;
  }
}

/** Rejects with a {@link Refusal}. */
export async function request<Answer>(path: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(path, init).catch(() => {
    throw new Refusal('The stack does not answer: is npm start still running?');
  });
  // 204: done, and nothing to say.
  if (response.status === 204) return undefined as Answer;
  const body = (await response.json().catch(() => undefined)) as Record<string, unknown> | undefined;
  if (response.ok && body !== undefined) return body as Answer;
  const why = body?.detail ?? body?.message ?? `The stack answered ${response.status} ${response.statusText}`;
  throw new Refusal(String(why), Array.isArray(body?.errors) ? (body.errors as FieldError[]) : []);
}

/** What of the stack's settings decides what this page can do. */
export interface Settings {
  jwksUrl?: string;
  issuer?: string;
  closedTypes?: boolean;
  /** There is a channel of everyone. */
  everyone?: boolean;
  /** It tells the application who comes and goes. */
  events?: boolean;
  /** Patterns of channels to which the tokens of this page may subscribe. */
  subscribe?: string[];
}

export const fetchSettings = (): Promise<Settings> => request<Settings>('/console/settings');

export async function fetchToken(userId: string): Promise<string> {
  const { token } = await request<{ token: string }>(`/console/token?user=${encodeURIComponent(userId)}`);
  return token;
}

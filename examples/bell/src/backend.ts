/** Requests to the app's own backend. */

async function request<Answer>(method: 'GET' | 'POST', path: string): Promise<Answer> {
  const response = await fetch(`/api/${path}`, { method });
  const body = await response.json();
  if (!response.ok) throw new Error(body.message);
  return body;
}

export const fetchToken = async (user: string): Promise<string> =>
  (await request<{ token: string }>('GET', `token?user=${user}`)).token;

export const placeOrder = (user: string): Promise<unknown> => request('POST', `orders?user=${user}`);

export const publishNews = (text: string): Promise<unknown> =>
  request('POST', `news?text=${encodeURIComponent(text)}`);

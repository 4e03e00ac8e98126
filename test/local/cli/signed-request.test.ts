/** The signature of a request to AWS, recomputed by the letter of AWS's description. */
import { createHash, createHmac } from 'node:crypto';
import { afterEach, expect, it, vi } from 'vitest';
import { regionOf, signedHeaders } from '../../../local/cli/signed-request.ts';

const KEYS = { accessKeyId: 'AKID', secretAccessKey: 'secret' };
afterEach(() => void vi.unstubAllEnvs());

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html; the path is escaped once more. */
function signature(method: string, url: URL, headers: Record<string, string>, body: string, region: string) {
  const scope = /Credential=AKID\/([^,]+)/.exec(headers.authorization ?? '')?.[1] ?? '';
  const names = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '')?.[1] ?? '';
  const all: Record<string, string> = { ...headers, host: url.host };
  const path = url.pathname.split('/').map(encodeURIComponent).join('/');
  const query = [...url.searchParams]
    .map((pair) => pair.map(encodeURIComponent).join('='))
    .sort()
    .join('&');
  const listed = names
    .split(';')
    .map((name) => `${name}:${all[name]}\n`)
    .join('');
  const canonical = [method, path, query, listed, names, sha256(body)].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n');
  const day = scope.split('/')[0] ?? '';
  const key = [day, region, 'execute-api', 'aws4_request'].reduce<string | Buffer>(
    hmac,
    `AWS4${KEYS.secretAccessKey}`,
  );
  return createHmac('sha256', key).update(toSign).digest('hex');
}

it.each([
  ['GET', '/users/m%C3%BCller%40example.com%2F/messages?after=3&limit=10', ''],
  ['DELETE', '/users/alice/connections?deviceId=phone%3A1', ''],
  ['POST', '/notifications', '{"to":{"user":"alice"}}'],
])('%s %s is signed for the region of its host', async (method, path, body) => {
  vi.stubEnv('AWS_REGION', 'us-west-2');
  const url = new URL(`https://abc.execute-api.eu-west-1.amazonaws.com${path}`);
  const request = { method, url, headers: { 'content-type': 'application/json' }, ...(body && { body }) };
  const headers = await signedHeaders(request, KEYS);
  expect(headers).not.toHaveProperty('host');
  expect(headers.authorization).toContain('/eu-west-1/execute-api/aws4_request');
  expect(headers.authorization?.split('Signature=')[1]).toBe(
    signature(method, url, headers, body, 'eu-west-1'),
  );
});

it('an API with a domain of its own is in the region of the environment', () => {
  vi.stubEnv('AWS_REGION', 'eu-north-1');
  expect(regionOf(new URL('https://api.example.com'))).toBe('eu-north-1');
});

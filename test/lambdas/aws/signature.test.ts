/** Our signatures are those of the AWS SDK, to the letter. */
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Access, createSigner, type Signable } from '../../../lambdas/aws/signature.ts';
import { Sha256 } from '../../../local/cli/signed-request.ts';

async function signedBySdk(
  { method, host, path, body, contentType, target }: Signable,
  { region, sessionToken, ...credentials }: Access,
  service: string,
  at: number,
): Promise<string | undefined> {
  const signer = new SignatureV4({
    service,
    region,
    credentials: { ...credentials, ...(sessionToken !== undefined && { sessionToken }) },
    sha256: Sha256,
    applyChecksum: false,
  });
  const headers = {
    host,
    ...(contentType !== undefined && { 'content-type': contentType }),
    ...(target !== undefined && { 'x-amz-target': target }),
  };
  const request = { method, protocol: 'https:', hostname: host, path, headers, body };
  const signed = await signer.sign(request, { signingDate: new Date(at) });
  return signed.headers.authorization;
}

const connectionId = fc
  .string({ unit: fc.constantFrom(..."ABCXYZabcxyz0189-_=+/!'()*~.:ü"), minLength: 1, maxLength: 24 })
  .filter((id) => !/^\.+$/.test(id));
const secret = fc.string({ unit: fc.constantFrom(...'ABCabc019/+='), minLength: 16, maxLength: 80 });
const accesses: fc.Arbitrary<Access> = fc.record({
  region: fc.constantFrom('us-east-1', 'eu-central-1', 'cn-north-1'),
  accessKeyId: fc.string({ unit: fc.constantFrom(...'AKIAB019'), minLength: 16, maxLength: 20 }),
  secretAccessKey: secret,
  sessionToken: fc.option(secret, { nil: undefined }),
});
const post: fc.Arbitrary<Signable> = fc.record({
  method: fc.constantFrom('POST', 'DELETE'),
  host: fc.constantFrom('abc123.execute-api.eu-central-1.amazonaws.com', '127.0.0.1:8787'),
  path: connectionId.map((id) => `/prod/@connections/${encodeURIComponent(id)}`),
  body: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.integer({ min: 0, max: 40_000 }).map((length) => 'ü'.repeat(length)),
  ),
  contentType: fc.constantFrom('application/octet-stream', undefined),
  target: fc.constantFrom('secretsmanager.GetSecretValue', undefined),
});
const instant = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2040, 0, 1) });

const NOBODY: Access = {
  region: 'eu-west-1',
  accessKeyId: 'A',
  secretAccessKey: 'S',
  sessionToken: undefined,
};

describe('the signature', () => {
  it('is the SDK’s for a thousand requests, whatever was signed before', async () => {
    let at = 0;
    let access: Access | undefined;
    const sign = createSigner(
      'execute-api',
      () => access ?? NOBODY,
      () => at,
    );
    let checked = 0;
    const property = fc.asyncProperty(post, accesses, instant, async (request, credentials, now) => {
      at = now + checked * 7_919_000; // never twice the same second, for which the access would stand
      access = credentials;
      const ours = sign(request).authorization;
      expect(ours).toBe(await signedBySdk(request, credentials, 'execute-api', at));
      checked += 1;
    });
    await fc.assert(property, { numRuns: 1000 });
    expect(checked).toBeGreaterThanOrEqual(1000);
  });

  it('follows the day, the region and the credentials when only one of them changes, a second later at most', async () => {
    let at = Date.UTC(2026, 10, 21, 23, 59, 58);
    let access: Access = { ...NOBODY, secretAccessKey: 'one' };
    const sign = createSigner(
      'execute-api',
      () => access,
      () => at,
    );
    const request: Signable = { method: 'POST', host: 'h', path: '/p/@connections/a%3D', body: '{}' };
    for (const change of [
      {},
      {},
      {},
      { secretAccessKey: 'two' },
      { region: 'eu-west-2' },
      { sessionToken: 'session' },
      { accessKeyId: 'B' },
    ]) {
      at += 1000;
      access = { ...access, ...change };
      const ours = sign(request).authorization;
      expect(ours).toBe(await signedBySdk(request, access, 'execute-api', at));
    }
  });

  it('covers every header that is sent', () => {
    const sign = createSigner('execute-api', () => ({ ...NOBODY, sessionToken: 'token' }), Date.now);
    const { authorization, ...others } = sign({
      method: 'POST',
      host: 'h',
      path: '/',
      body: '',
      contentType: 't',
      target: 'x',
    });
    expect(authorization).toContain(`SignedHeaders=${Object.keys(others).join(';')}, `);
    expect(Object.keys(others)).toEqual([...Object.keys(others)].sort());
  });
});

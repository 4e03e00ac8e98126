/** The secret that signs the tokens, read from Secrets Manager: against a server on loopback that answers like it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { createSecretReader } from '../../../lambdas/aws/secret.ts';
import { createQuickClock } from '../../support/quick-clock.ts';
import { type Answer, status, useScriptedServer } from '../../support/scripted-server.ts';

const server = useScriptedServer();
const ARN = 'arn:aws:secretsmanager:eu-west-1:000000000000:secret:jwt-AbCdEf';
const ACCESS = { region: 'eu-west-1', accessKeyId: 'A', secretAccessKey: 'S', sessionToken: 'T' };

let answers: Answer[];

const reader = () =>
  createSecretReader({
    secretId: ARN,
    endpoint: server.url,
    readAccess: () => ACCESS,
    clock: createQuickClock(),
  });
const read = () => reader()();
const found = (secret: unknown) => status(200, {}, JSON.stringify({ ARN, SecretString: secret }));
const fault = (code: number, name: string) => status(code, { 'x-amzn-ErrorType': name }, '{}');

beforeEach(() => {
  answers = [];
  server.answer = (request, response) => (answers.shift() ?? status(500))(request, response);
});

describe('the secret', () => {
  it('is asked for by its ARN, in a signed request', async () => {
    answers = [found('s3cr3t')];
    expect(await read()).toBe('s3cr3t');
    const [request] = server.received;
    expect(request).toMatchObject({ method: 'POST', url: '/', body: JSON.stringify({ SecretId: ARN }) });
    expect(request?.headers).toMatchObject({
      'x-amz-target': 'secretsmanager.GetSecretValue',
      'x-amz-security-token': 'T',
      authorization: expect.stringMatching(/\/eu-west-1\/secretsmanager\/aws4_request, .*x-amz-target/),
    });
  });

  it.each([
    ['a server error', status(503)],
    ['throttling', fault(400, 'ThrottlingException')],
    ['a cut', ((request) => request.socket.resetAndDestroy()) satisfies Answer],
  ])('is asked for again after %s', async (_, answer) => {
    answers = [answer, answer, found('s3cr3t')];
    expect(await read()).toBe('s3cr3t');
  });

  it.each([
    [
      'that does not exist',
      fault(400, 'ResourceNotFoundException'),
      /jwt-AbCdEf .*ResourceNotFoundException/,
    ],
    ['that may not be read', fault(400, 'AccessDeniedException'), /jwt-AbCdEf .*AccessDeniedException/],
    ['that is binary', found(undefined), /jwt-AbCdEf holds no text/],
    ['that is empty', found(''), /jwt-AbCdEf holds no text/],
  ])('%s is refused at once, and the reason names it', async (_, answer, reason) => {
    answers = [answer];
    await expect(read()).rejects.toThrow(reason);
    expect(server.received).toHaveLength(1);
  });

  it('may have no previous version, whichever way the service says so', async () => {
    const read = reader();
    const inBody = status(400, {}, JSON.stringify({ __type: 'ResourceNotFoundException' }));
    answers = [fault(400, 'ResourceNotFoundException'), inBody, found('former')];
    expect([await read('AWSPREVIOUS'), await read('AWSPREVIOUS'), await read('AWSPREVIOUS')]).toEqual([
      undefined,
      undefined,
      'former',
    ]);
    expect(server.received[0]?.body).toBe(JSON.stringify({ SecretId: ARN, VersionStage: 'AWSPREVIOUS' }));
  });

  it('is not quoted when the answer breaks off', async () => {
    answers = [status(200, {}, '{"SecretString":"s3cr3t')];
    await expect(read()).rejects.toThrow(/^[^3]*holds no text$/);
  });

  it('is given up after three tries', async () => {
    await expect(read()).rejects.toThrow('answered 500');
    expect(server.received).toHaveLength(3);
  });
});

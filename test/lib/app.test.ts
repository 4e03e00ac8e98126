/** `bin/herald.ts` as the CDK command runs it: no AWS credentials, settings in the environment, one line when they are wrong. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const outdir = mkdtempSync(join(tmpdir(), 'herald-app-'));
afterAll(() => rmSync(outdir, { recursive: true }));

const runApp = (context: Record<string, unknown>) =>
  spawnSync(process.execPath, ['bin/herald.ts'], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 120_000,
    env: {
      // Where Node keeps what it has compiled.
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      CDK_OUTDIR: outdir,
      CDK_CONTEXT_JSON: JSON.stringify({ 'aws:cdk:bundling-stacks': [], ...context }),
    },
  });

it('synthesizes without credentials, under the name it is given, and AwsSolutions has nothing to say', () => {
  const { status, stderr } = runApp({ stackName: 'Herald-eu', maxConnectionsPerUser: '3' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(readFileSync(join(outdir, 'Herald-eu.template.json'), 'utf8')).toContain(
    '"MAX_CONNECTIONS_PER_USER": "3"',
  );
  expect(JSON.parse(readFileSync(join(outdir, 'validation-report.json'), 'utf8'))).toMatchObject({
    pluginReports: [],
  });
});

it('says in one line what is wrong with a setting', () => {
  const { status, stdout, stderr } = runApp({ jwksUrl: 'https://id.example/keys' });
  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: '',
    stderr: 'issuer is not set: with a jwksUrl, only its tokens must open connections\n',
  });
});

it('says in one line that a setting is misspelt, which would be ignored', () => {
  const { status, stderr } = runApp({ maxConnectionPerUser: '5' });
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: 'maxConnectionPerUser is no setting: did you mean maxConnectionsPerUser?\n',
  });
});

/**
 * The commands of the runbook. There is no account here to rescue: a shell runs each block with an `aws` that answers with a sample,
 * once the CLI itself, where it is installed, has found nothing wrong with the command and tried to send it, to where nobody listens.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseNotification } from '../../lambdas/protocol/notification.ts';
import { block, CLAIMS, read } from './blocks.ts';
import { start, works } from './commands.ts';

const [RECEIVE, REDRIVE, MOVE_BACK, ROTATE, END_OLD, EPOCHS, SCHEDULE] = CLAIMS.runbook;

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
const LETTER = {
  timestamp: '2026-11-01T00:00:00Z',
  requestContext: { requestId: 'request-1', condition: 'RetriesExhausted', approximateInvokeCount: 3 },
  requestPayload: { to: { user: 'alice' }, type: 'order.shipped' },
  responsePayload: { errorType: 'RequestError', errorMessage: 'data: too large' },
};

const has = { bash: false, jq: false, aws: false, aws2: false };
beforeAll(async () => {
  has.bash = process.platform !== 'win32' && (await works('bash', '-c', 'true'));
  has.jq = await works('jq', '--version');
  has.aws = has.bash && (await works('aws', '--version'));
  has.aws2 = has.aws && (await works('bash', '-c', 'aws --version 2>&1 | grep -q aws-cli/2'));
});

/** Version 1 of the CLI has no `--cli-binary-format`: there it is left out, for it takes raw payloads anyway. */
const preamble = (answer: string) => `
set -euo pipefail
uuidgen() { echo 019aa3c1-0000-7000-8000-000000000000; }
aws() {
  echo "aws $*" >> calls.txt
  ${has.aws ? 'checked "$@" > /dev/null' : ':'}
  case "$2" in
    get-item) printf 41 ;;
    query) printf 42 ;;
    *) printf '%s' '${answer}' ;;
  esac
}
checked() {
  local words=() skip=0
  for word in "$@"; do
    if [ $skip = 1 ]; then skip=0; continue; fi
    if [ "$word" = --cli-binary-format ] && ${has.aws2 ? 'false' : 'true'}; then skip=1; continue; fi
    words+=("$word")
  done
  command aws "\${words[@]}" --region eu-west-1 --endpoint-url http://127.0.0.1:1 2> refused.txt && return
  grep -q 'Could not connect' refused.txt || { cat refused.txt >&2; return 1; }
}
`;

/** The CLI knows how long an id and what a time is. */
const filledIn = (text: string) =>
  text
    .replaceAll('<id>', '019aa3c1-0000-7000-8000-000000000000')
    .replaceAll('<time>', '2026-11-01T00:00:00Z')
    .replaceAll('<table>', 'messages')
    .replaceAll('<outbox>', 'outbox')
    .replaceAll('<FailedReplaysQueueUrl>', 'https://sqs.eu-west-1.amazonaws.com/123456789012/replays')
    .replaceAll('<FailedRetriesQueueUrl>', 'https://sqs.eu-west-1.amazonaws.com/123456789012/retries')
    .replaceAll('<FailedNotificationsQueueUrl>', 'https://sqs.eu-west-1.amazonaws.com/123456789012/failed');

const SHELL_ENV = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_MAX_ATTEMPTS: '1' };

/** What the block prints, and the calls it makes. Undefined where this machine has no shell, or no jq for a block that needs it. */
async function perform(
  claim: string,
  answer = '',
  env: Record<string, string> = {},
): Promise<{ printed: string; calls: string[]; folder: string } | undefined> {
  const text = filledIn(block(claim));
  if (!has.bash || (text.includes('jq ') && !has.jq)) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'herald-runbook-'));
  await writeFile(join(folder, 'letter.json'), JSON.stringify(LETTER));
  const { code, stdout, stderr } = await start(
    'bash',
    ['-c', preamble(answer) + text],
    { ...SHELL_ENV, ...env },
    folder,
  ).ended;
  const calls = (await readFile(join(folder, 'calls.txt'), 'utf8')).trim().split('\n');
  const again = await readFile(join(folder, 'again.json'), 'utf8').catch(() => '');
  await rm(folder, { recursive: true });
  expect(code, stderr).toBe(0);
  return { printed: stdout + again, calls, folder };
}

describe('the runbook', { timeout: 60_000 }, () => {
  it('reads the reasons out of dead letters', async () => {
    const done = await perform(RECEIVE, JSON.stringify([JSON.stringify(LETTER)]));
    if (done) expect(done.printed.trim()).toBe('2026-11-01T00:00:00Z\trequest-1\tdata: too large');
  });

  it('invokes again with the id that the first try had', async () => {
    const done = await perform(REDRIVE);
    if (!done) return;
    expect(JSON.parse(done.printed)).toEqual({ ...LETTER.requestPayload, id: 'request-1' });
    expect(done.calls).toHaveLength(2);
  });

  it('puts failed retries back into the queue they came from, by the ARN of their own', async () => {
    const arn = 'arn:aws:sqs:eu-west-1:123456789012:retries';
    const done = await perform(MOVE_BACK, arn);
    if (!done) return;
    expect(done.calls[0]).toContain('--queue-url https://sqs.eu-west-1.amazonaws.com/123456789012/retries');
    expect(done.calls[1]).toBe(`aws sqs start-message-move-task --source-arn ${arn}`);
  });

  it('rotates the secret, and ends the old one', async () => {
    const rotated = await perform(ROTATE);
    if (rotated) expect(rotated.calls.join()).toMatch(/--secret-string [0-9a-f]{64}$/);
    const ended = await perform(END_OLD);
    if (ended) expect(ended.calls).toHaveLength(2);
  });

  it('gives every restored channel a new epoch, and a head that no seq is beyond', async () => {
    const done = await perform(EPOCHS, '["user:alice","user:bob"]');
    if (!done) return;
    const updates = done.calls.filter((call) => call.includes('update-item'));
    const keys = updates.map((call) => JSON.parse(call.match(/--key (\{.*?\}\})/)?.[1] ?? ''));
    for (const call of updates) expect(call).toContain('":head":{"N":"42"}');
    expect(keys).toEqual(['user:alice', 'user:bob'].map((S) => ({ channel: { S }, seq: { N: '0' } })));
  });

  it('schedules what notify takes as its payload', async () => {
    const done = await perform(SCHEDULE, '', {
      NOTIFY_ARN: 'arn:aws:lambda:eu-west-1:123456789012:function:notify',
      ROLE_ARN: 'arn:aws:iam::123456789012:role/scheduler',
    });
    if (!done) return;
    const [call = ''] = done.calls.join('\n').match(/--target [\s\S]*/) ?? [];
    const { Arn, Input } = JSON.parse(call.replace('--target ', ''));
    expect(Arn).toContain(':function:notify');
    expect(parseNotification(JSON.parse(Input))).toMatchObject({
      channels: [{ name: 'user:alice' }],
      type: 'order.reminder',
      data: { orderId: 1 },
      id: 'order-1-reminder',
    });
  });

  it('knows the options of the commands within its sentences', async () => {
    const inline = [...read('docs/operations.md').matchAll(/`(aws [^`\n]+)`/g)].map(([, text = '']) => text);
    const whole = inline.filter((text) => !text.includes('…'));
    expect(whole.length).toBeGreaterThan(2);
    if (!has.aws) return;
    const folder = await mkdtemp(join(tmpdir(), 'herald-runbook-'));
    for (const text of whole) {
      const { code, stderr } = await start('bash', ['-c', preamble('') + filledIn(text)], SHELL_ENV, folder)
        .ended;
      expect(code, `${text}: ${stderr}`).toBe(0);
    }
    await rm(folder, { recursive: true });
  });
});

/** 7. What does it cost to let the AWS SDK call AWS (`awsClient: 'sdk'`), all else being the same? */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleHandler, bundleMessageTypes, OWN_MESSAGE_TYPES } from '../../lib/bundle.ts';
import { AWS_CLIENTS, type AwsClient } from '../../lib/settings.ts';
import { startCannedAws } from './canned-aws.ts';
import { environmentOf, FIRST_EVENTS } from './first-events.ts';
import type { Question } from './result.ts';
import { percentile } from './statistics.ts';

const CHILD = fileURLToPath(new URL('./publish-child.mjs', import.meta.url));
const ROUNDS = 7;
const PUBLISHES = 1500;
/** Another process on the machine can only slow a round down. */
const UNDISTURBED = 0.2;
const GOAL = 2.5;

interface Sample {
  /** To load the bundle and publish once. */
  firstMs: number;
  /** Of one publish of many. */
  cpuMs: number;
}

export const measure: Question = async (progress) => {
  const folder = mkdtempSync(join(tmpdir(), 'herald-bench-'));
  const aws = await startCannedAws();
  try {
    const samples: Record<AwsClient, Sample[]> = { lean: [], sdk: [] };
    for (const client of AWS_CLIENTS) bundleNotify(client, folder);
    for (let round = 1; round <= ROUNDS; round++) {
      progress(`round ${round}/${ROUNDS}`);
      for (const client of AWS_CLIENTS)
        samples[client].push(await publishWith(fileOf(client, folder), environmentOf(aws.url)));
    }
    const typical = (client: AwsClient, field: keyof Sample) =>
      percentile(
        samples[client].map((sample) => sample[field]),
        UNDISTURBED,
      );
    const compared = (what: string, field: keyof Sample) => {
      const [ours, naive] = [typical('lean', field), typical('sdk', field)];
      const goal = `≤ 1/${GOAL} of the SDK`;
      return { what, unit: 'ms', ours, naive, goal, held: ours <= naive / GOAL };
    };
    const kilobytes = (client: AwsClient) => statSync(fileOf(client, folder)).size / 1024;
    return {
      title: 'Our clients of AWS and those of the SDK',
      rows: [
        compared('a whole publish to one connection, CPU', 'cpuMs'),
        compared('cold notify: load and first call', 'firstMs'),
        {
          what: 'notify: bundle',
          unit: 'KB',
          ours: kilobytes('lean'),
          naive: kilobytes('sdk'),
          goal: 'printed',
        },
      ],
      notes: [
        'The same Lambda bundled with `awsClient` `lean` and `sdk` (naive: the SDK tuned as far as its own options go), by turns, against a server that answers at once.',
      ],
    };
  } finally {
    await aws.stop();
    rmSync(folder, { recursive: true });
  }
};

const fileOf = (client: AwsClient, folder: string) => join(folder, client, 'index.mjs');

function bundleNotify(client: AwsClient, folder: string): void {
  bundleHandler('notify', join(folder, client), client);
  bundleMessageTypes(OWN_MESSAGE_TYPES, join(folder, client));
}

async function publishWith(file: string, env: NodeJS.ProcessEnv): Promise<Sample> {
  const child = spawn(
    process.execPath,
    [CHILD, file, JSON.stringify(FIRST_EVENTS.notify), String(PUBLISHES)],
    {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await once(child, 'close');
  const result = /result (.*)/.exec(output)?.[1];
  if (result === undefined) throw new Error(`${file} failed: ${output}`);
  return JSON.parse(result) as Sample;
}

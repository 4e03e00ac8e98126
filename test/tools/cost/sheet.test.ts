/** The sheet as its reader sees it: the arithmetic, the documentation's example, and what bad options are answered. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { acksOneByOne, bill, happenings, quantities } from '../../../tools/cost/bill.ts';
import { parseOptions } from '../../../tools/cost/options.ts';
import { BILLED_MS, type BilledLambda, gigabyteSeconds } from '../../../tools/cost/prices.ts';
import { connectRates, publishRates } from '../../../tools/cost/quotas.ts';
import { find, synthStack } from '../../lib/synth.ts';

const ROOT = join(import.meta.dirname, '../../..');
const run = promisify(execFile);
const cost = (...args: string[]) => run(process.execPath, ['tools/cost/main.ts', ...args], { cwd: ROOT });

const usage = (args: string) => {
  const parsed = parseOptions(args.split(' ').filter(Boolean));
  if (!parsed) throw new Error('help');
  return parsed;
};

describe('the bill', () => {
  it('counts what happens to one user in a month', () => {
    const one = usage('--users 1 --hours 12 --notifications 10 --connects 6 --ping-minutes 10');
    expect(happenings(one)).toEqual({
      connect: 180,
      syncOnOpen: 0,
      catchUp: 180,
      publish: 300,
      deliver: 150,
      deliverUnsettled: 0,
      ack: 0,
      ping: 2160,
      disconnect: 180,
    });
    expect(quantities(one)).toMatchObject({ connectionMinutes: 12 * 60 * 30, httpRequests: 300, events: 0 });
  });

  it('grows in proportion to the users', () => {
    const [one, thousand] = [bill(usage('--users 1')), bill(usage('--users 1000'))];
    expect(thousand.map(({ usd }) => usd)).toEqual(one.map(({ usd }) => expect.closeTo(usd * 1000, 6)));
  });

  it('has acks where the clients acknowledge, and none where the server does', () => {
    expect(happenings(usage('--ack client --hours 24'))).toMatchObject({ ack: 45_000, deliver: 0 });
    expect(happenings(usage('--hours 24'))).toMatchObject({ ack: 0, deliver: 600_000, catchUp: 0 });
  });

  it('has less than a tenth of the ack frames that one for each message would make', () => {
    const standard = usage('--ack client');
    expect(acksOneByOne(standard)).toBe(320_000);
    expect(happenings(standard).ack).toBeLessThan(32_000);
    expect(acksOneByOne(usage(''))).toBe(0);
  });

  it('has one ack frame at most for each connection where no ping takes it along', () => {
    const { ack, connect } = happenings(usage('--ack client --ping-minutes 0'));
    expect(ack).toBe(connect);
  });

  it('has events instead of requests when the bus is the door', () => {
    expect(quantities(usage('--door bus'))).toMatchObject({ httpRequests: 0, events: 600_000 });
  });

  it('is nothing where nothing happens', () => {
    expect(bill(usage('--hours 0 --notifications 0'))).toEqual([]);
  });

  it.each(Object.keys(BILLED_MS) as BilledLambda[])('takes the memory of %s from the stack', (name) => {
    const folder = name === 'authorizer' ? 'Authorizer' : 'Functions';
    const { Properties } = find(synthStack(), 'AWS::Lambda::Function', `Backend${folder}${name}`);
    const megabytes = (gigabyteSeconds(name) / (BILLED_MS[name] / 1000)) * 1024;
    expect(Properties.MemorySize).toBeCloseTo(megabytes, 6);
  });
});

describe('the quotas', () => {
  it('begin with the one that is met first', () => {
    for (const rates of [connectRates(), publishRates('http', 3), publishRates('bus', 0)]) {
      expect(rates.map(({ perSecond }) => perSecond)).toEqual(
        rates.map(({ perSecond }) => perSecond).toSorted((one, other) => one - other),
      );
    }
    expect(connectRates()[0]).toMatchObject({ perSecond: 500 });
    expect(publishRates('invoke', 100)[0]).toMatchObject({ perSecond: 100 });
  });
});

describe('npm run cost', () => {
  it('prints what docs/cost.md shows', async () => {
    const doc = readFileSync(join(ROOT, 'docs/cost.md'), 'utf8');
    const shown = [...doc.matchAll(/```\n\$ npm run cost -- (.*)\n([\s\S]*?)```/g)];
    expect(shown).toHaveLength(2);
    for (const [, args = '', text] of shown) {
      expect((await cost(...args.split(' '))).stdout).toBe(text);
    }
  });

  it('prints its options with --help', async () => {
    expect((await cost('--help')).stdout).toContain('--notifications');
  });

  it.each([
    [['--users', 'x'], '--users is "x", expected an integer from 1'],
    [['--hours', '25'], '--hours is "25", expected a number from 0 to 24'],
    [['--ack', 'never'], '--ack is "never", expected auto or client'],
    [['--door', ''], '--door is "", expected http or bus or invoke'],
    [['--bytes', '99999'], '--bytes is "99999"'],
    [['--usres', '1'], "Unknown option '--usres'"],
    [['10000'], 'Unexpected argument'],
  ])('answers %j with one line and exit 1', async (args, line) => {
    const failed = await cost(...args).catch((error) => error);
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(failed.stderr.trim().split('\n')).toEqual([expect.stringContaining(line)]);
  });
});

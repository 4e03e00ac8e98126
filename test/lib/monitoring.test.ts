/** What the person on call has: alarms that lead to an entry of the guide, one page to look at, questions to ask the logs. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { TokenError } from '../../lambdas/auth/verify-token.ts';
import { createAuthorizerHandler } from '../../lambdas/handlers/authorizer.ts';
import { createLogger } from '../../lambdas/logger.ts';
import { find, findAll, synthStack } from './synth.ts';

const ROOT = join(import.meta.dirname, '../..');
const template = synthStack();

const alarms = findAll(template, 'AWS::CloudWatch::Alarm');

/** The anchors of the guide's headings, as GitHub makes them. */
const anchors = new Set(
  [...readFileSync(join(ROOT, 'docs', 'operations.md'), 'utf8').matchAll(/^#+ (.*)$/gm)].map(
    ([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
  ),
);

/** Whether a line matches the filter's terms, of which `-` marks those that must not be there. */
function countsAsFault(line: string): boolean {
  const { Properties } = find(template, 'AWS::Logs::MetricFilter', 'BackendMonitoring');
  const terms = [...String(Properties.FilterPattern).matchAll(/(-?)"([^"]+)"/g)];
  return terms.every(([, minus, term = '']) => line.includes(term) === (minus === ''));
}

describe('the alarms', () => {
  const named = (name: string) => find(template, 'AWS::CloudWatch::Alarm', `BackendMonitoring${name}`);

  it('watch dead letters, failures, lag, throttling, publishers and clients', () => {
    expect(alarms.map(({ id }) => id.replace(/^BackendMonitoring|[0-9A-F]{8}$/g, '')).sort()).toEqual(
      [
        ...['FailedNotifications', 'FailedReplays', 'FailedRetries', 'UndeliveredEvents'],
        ...['FailedTopicReplays', 'FailedFanOuts', 'slowFanOut', 'rangesFailed'],
        ...['FailedOutboxRows', 'UnreadOutboxRows', 'outboxLag', 'FailedEvents', 'FailedLookUps'],
        ...[
          'authorizer',
          'connect',
          'disconnect',
          'message',
          'notify',
          'reconcile',
          'users',
          'topics',
          'fanout',
          'outbox',
          'lifecycle',
          'later',
        ].map((name) => `${name}Errors`),
        ...['replayLag', 'slowCatchUp', 'slowPosts', 'failedRequests'],
        ...['throttles', 'throttledWork', 'busy', 'postsThrottled', 'refusedTokens', 'reconnectStorm'],
      ].sort(),
    );
  });

  it('each name an entry of the operations guide that exists', () => {
    for (const { id, Properties } of alarms) {
      const [, entry] =
        /\. See docs\/operations\.md#([a-z-]+)$/.exec(String(Properties.AlarmDescription)) ?? [];
      expect(anchors, id).toContain(entry);
      expect(Properties.TreatMissingData).toBe('notBreaching');
    }
  });

  it('do not take a refused token for a fault', () => {
    template.hasResourceProperties('AWS::Logs::MetricFilter', {
      LogGroupName: { Ref: Match.stringLikeRegexp('^BackendAuthorizerauthorizerLog') },
    });
    const thrown = (message: string) =>
      `2026-11-20T10:00:00.000Z\tid\tERROR\tInvoke Error \t{"errorType":"Error","errorMessage":"${message}"}`;
    expect(countsAsFault(thrown('Unauthorized'))).toBe(false);
    expect(countsAsFault(thrown('the secret is blank'))).toBe(true);
    expect(countsAsFault(thrown('connect ECONNREFUSED 10.0.0.1:443'))).toBe(true);
    expect(named('authorizerErrors').Properties.Namespace).toBe('Herald');
  });

  it('do not take for a fault what a client calls itself, or its page', async () => {
    const lines: string[] = [];
    const authorize = createAuthorizerHandler({
      verify: async (token) => {
        if (token === 'good')
          return { userId: 'ERROR', tokenExpiresAt: Date.now() + 60_000, permissions: undefined };
        throw new TokenError('lives longer than ERROR s');
      },
      allowedOrigins: ['https://app.example'],
      logger: createLogger('authorizer', { write: (line) => lines.push(line) }),
    });
    const from = (token: string) =>
      authorize({
        type: 'REQUEST',
        methodArn: 'arn',
        headers: { Authorization: `Bearer ${token}`, Origin: `ERROR ${'x'.repeat(5000)}` },
      });
    await from('good');
    await expect(from('bad')).rejects.toThrow('Unauthorized');
    expect(lines).toHaveLength(2);
    expect(lines.filter((line) => line.includes('ERROR'))).toEqual(lines);
    expect(lines.filter(countsAsFault)).toEqual([]);
    for (const line of lines) expect(line.length).toBeLessThan(1000);
  });

  it('tell a topic, if there is one', () => {
    const alarmTopicArn = 'arn:aws:sns:eu-west-1:123456789012:on-call';
    for (const { Properties } of findAll(synthStack({ alarmTopicArn }), 'AWS::CloudWatch::Alarm')) {
      expect(Properties.AlarmActions).toEqual([alarmTopicArn]);
    }
    for (const { Properties } of alarms) expect(Properties.AlarmActions).toBeUndefined();
  });
});

type Row = unknown[];

/** A template's text with the references in it by their names. */
const textOf = (value: unknown): string => {
  if (typeof value === 'string') return value;
  const { 'Fn::Join': join, Ref, 'Fn::GetAtt': attribute } = value as Record<string, unknown>;
  if (Array.isArray(join)) return (join[1] as unknown[]).map(textOf).join(String(join[0]));
  return String(Ref ?? attribute);
};

/** `...` repeats the row above. */
const metricsOf = (rows: Row[]): string[] => {
  let previous: Row = [];
  return rows.flatMap((row) => {
    const values = row.filter((value) => typeof value === 'string');
    const full = values.flatMap((value, index) => {
      if (value === '...') return previous.slice(0, previous.length - (values.length - index - 1));
      return [value === '.' ? previous[index] : value];
    });
    if (full.length === 0) return []; // an expression over the others
    previous = full;
    const { stat = '' } = (row.at(-1) ?? {}) as { stat?: string };
    return [`${full.join(' ')} ${stat}`.trim()];
  });
};

describe('the dashboard', () => {
  const { DashboardBody } = find(template, 'AWS::CloudWatch::Dashboard', 'Backend').Properties;
  const { widgets }: { widgets: { properties: { metrics?: Row[]; title?: string } }[] } = JSON.parse(
    textOf(DashboardBody),
  );
  const metrics = widgets.flatMap(({ properties }) => metricsOf(properties.metrics ?? []));

  it('stays below fifty metrics, which is what costs nothing', () => {
    expect(metrics.length).toBeGreaterThan(30);
    expect(new Set(metrics).size).toBeLessThan(50);
  });

  it('shows only metrics of ours that a Lambda writes', () => {
    const sources = globSync('lambdas/**/*.ts', { cwd: ROOT }).map((file) =>
      readFileSync(join(ROOT, file), 'utf8'),
    );
    const own = metrics
      .filter((metric) => metric.startsWith('Herald '))
      .map((metric) => metric.split(' ')[1]);
    expect(own.length).toBeGreaterThan(10);
    const written = sources.join('\n');
    expect(own.filter((name) => !new RegExp(`\\b${name}\\b(?::|[,;\\n])`).test(written))).toEqual([]);
  });

  it('tells the metrics of this backend from those of another in the account', () => {
    const Variables = Match.objectLike({
      BACKEND_NAME: Match.stringLikeRegexp('^Herald-Backend-[0-9A-F]{8}$'),
    });
    template.resourcePropertiesCountIs('AWS::Lambda::Function', { Environment: { Variables } }, 12);
    for (const metric of metrics.filter((one) => one.startsWith('Herald '))) {
      expect(metric).toMatch(/ backend Herald-Backend-[0-9A-F]{8}( \w+)?$/);
    }
  });

  it('begins with the alarms', () => {
    expect(widgets[0]?.properties.title).toBe('Alarms');
  });
});

describe('the questions', () => {
  it('are asked of the logs of all Lambdas', () => {
    const queries = findAll(template, 'AWS::Logs::QueryDefinition').map(({ Properties }) => Properties);
    expect(queries.map(({ Name }) => String(Name).replace(/-[0-9A-F]{8}/, '')).sort()).toEqual([
      'Herald-Backend/what failed',
      'Herald-Backend/what happened to user X',
      'Herald-Backend/where is message X',
    ]);
    for (const { LogGroupNames } of queries) expect(LogGroupNames).toHaveLength(12);
  });
});

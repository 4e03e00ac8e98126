/** Reads the tables' streams for the Lambdas: one poller for each stream source of the manifest. */
import { DescribeTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { TABLES, type TableNames } from '../../lambdas/adapters/dynamodb/tables.ts';
import type { Logger } from '../../lambdas/domain/ports/logger.ts';
import type { LambdaSpec, StreamSource } from '../../lambdas/lambda-spec.ts';
import { LAMBDA_NAMES, LAMBDAS, type LambdaName } from '../../lambdas/manifest.ts';
import type { Lambdas } from './lambdas.ts';
import type { StreamsClient } from './stream/client.ts';
import type { EventSourceSettings } from './stream/lanes.ts';
import { type StreamPoller, startStreamPoller } from './stream-poller.ts';

export interface EventSourcesOptions {
  streams: StreamsClient;
  /** Of each table's stream. */
  streamArns: ReadonlyMap<keyof TableNames, string>;
  lambdas: Lambdas;
  /** The application is told who comes and goes. */
  events: boolean;
  /** How long each record waits before a Lambda is handed it. */
  delayMs: number;
  logger: Logger;
}

export function startEventSources(options: EventSourcesOptions): StreamPoller {
  const { streams: client, streamArns, lambdas, delayMs, logger } = options;
  const pollers = LAMBDA_NAMES.flatMap((name) =>
    streamsOf(name, options.events).map((source) => {
      const streamArn = streamArns.get(source.table);
      if (streamArn === undefined) throw new Error(`The table ${source.table} has no stream for ${name}`);
      const settings = settingsOf(source);
      return startStreamPoller({
        client,
        streamArn,
        lambdas,
        name,
        settings,
        since: sinceOf(source),
        delayMs,
        logger,
      });
    }),
  );
  return {
    wake() {
      for (const poller of pollers) poller.wake();
    },
    async stop() {
      await Promise.all(pollers.map((poller) => poller.stop()));
    },
  };
}

const streamsOf = (name: LambdaName, events: boolean): StreamSource[] => {
  const { streams = [] }: LambdaSpec = LAMBDAS[name];
  return streams.filter(({ forEvents }) => !forEvents || events);
};

/**
 * What was written before was of connections that ended with the process that held them; but rows that
 * last may wait since the stack was killed. There is no checkpoint here, so they all come again.
 */
const sinceOf = ({ table, maxRecordAgeSeconds }: StreamSource): number =>
  Date.now() - (TABLES[table].lasts ? maxRecordAgeSeconds * 1000 : 0);

/** Somebody watches, so a retry comes sooner than on AWS. */
const settingsOf = ({ maxRecordAgeSeconds, ...source }: StreamSource): EventSourceSettings => ({
  ...source,
  maxRecordAgeMs: maxRecordAgeSeconds * 1000,
  bisect: true,
  retryDelayMs: (retry) => 100 * 2 ** retry,
});

/** The streams there are, by table. */
export async function findStreams(
  client: DynamoDBClient,
  names: TableNames,
): Promise<Map<keyof TableNames, string>> {
  const found = new Map<keyof TableNames, string>();
  for (const [table, TableName] of Object.entries(names) as [keyof TableNames, string][]) {
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    if (Table?.LatestStreamArn !== undefined) found.set(table, Table.LatestStreamArn);
  }
  return found;
}

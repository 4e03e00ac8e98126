/** What Lambda does with one batch of a stream: retries, splits, checkpoints, and at last gives up what cannot be handled. */
import { failedItems } from '../batch-failures.ts';

/** A stream record as Lambda hands it over; values are DynamoDB JSON. */
export interface StreamRecord {
  eventID?: string | undefined;
  eventName?: string | undefined;
  eventVersion?: string | undefined;
  eventSource?: string | undefined;
  awsRegion?: string | undefined;
  eventSourceARN?: string | undefined;
  dynamodb: {
    /** Epoch seconds. */
    ApproximateCreationDateTime: number;
    Keys: Record<string, unknown>;
    NewImage?: Record<string, unknown> | undefined;
    OldImage?: Record<string, unknown> | undefined;
    SequenceNumber: string;
    SizeBytes?: number | undefined;
    StreamViewType?: string | undefined;
  };
  userIdentity?: { type?: string | undefined; principalId?: string | undefined } | undefined;
}

export interface BatchSettings {
  maxRetries: number;
  maxRecordAgeMs: number;
  /** Halve a batch that failed as a whole, so that one bad record does not take the others with it. */
  bisect: boolean;
  /** Before which retry, from 1 on. */
  retryDelayMs(retry: number): number;
}

export type GiveUpReason = 'RetryAttemptsExhausted' | 'RecordAgeExceeded';

export interface BatchPorts {
  /** The Lambda's result; rejects when it failed. */
  invoke(records: StreamRecord[]): Promise<unknown>;
  now(): number;
  sleep(milliseconds: number): Promise<void>;
  deadLetter(records: StreamRecord[], reason: GiveUpReason, invocations: number): void;
  isStopping(): boolean;
}

/** Returns when each record was handled, given up, or the stack is stopping. Never rejects for what the Lambda does. */
export async function deliver(
  batch: StreamRecord[],
  settings: BatchSettings,
  ports: BatchPorts,
): Promise<void> {
  let rest = batch;
  let retries = 0;
  while (!ports.isStopping()) {
    rest = withoutTooOld(rest, settings, ports, retries);
    if (rest.length === 0) return;
    const failedAt = await firstFailure(rest, ports);
    if (failedAt === undefined) return;
    if (failedAt > 0) {
      rest = rest.slice(failedAt);
      retries = 0; // the checkpoint moved: what is left is another batch
    } else if (settings.bisect && rest.length > 1) {
      // Splitting is no retry. The second half waits, since order is kept.
      const middle = Math.ceil(rest.length / 2);
      await deliver(rest.slice(0, middle), settings, ports);
      rest = rest.slice(middle);
    } else {
      retries++;
      if (retries > settings.maxRetries) return ports.deadLetter(rest, 'RetryAttemptsExhausted', retries);
      await ports.sleep(settings.retryDelayMs(retries));
    }
  }
}

function withoutTooOld(
  records: StreamRecord[],
  { maxRecordAgeMs }: BatchSettings,
  ports: BatchPorts,
  invocations: number,
): StreamRecord[] {
  const oldestMs = ports.now() - maxRecordAgeMs;
  const isTooOld = ({ dynamodb }: StreamRecord) => dynamodb.ApproximateCreationDateTime * 1000 < oldestMs;
  const tooOld = records.filter(isTooOld);
  if (tooOld.length === 0) return records;
  ports.deadLetter(tooOld, 'RecordAgeExceeded', invocations);
  return records.filter((record) => !isTooOld(record));
}

/** The index of the record from which all are sent again; undefined: none. */
async function firstFailure(records: StreamRecord[], ports: BatchPorts): Promise<number | undefined> {
  let result: unknown;
  try {
    result = await ports.invoke(records);
  } catch {
    return 0; // whoever invokes has logged it
  }
  return checkpoint(records, result);
}

const WHOLE_BATCH = 0;

/**
 * The lowest sequence number reported is the checkpoint. An identifier that is no string, empty or not
 * of this batch: the whole batch failed.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 */
function checkpoint(records: StreamRecord[], result: unknown): number | undefined {
  const failures = failedItems(result);
  if (failures === undefined) return WHOLE_BATCH;
  const indexes = failures.map((identifier) =>
    records.findIndex(({ dynamodb }) => dynamodb.SequenceNumber === identifier),
  );
  if (indexes.length === 0) return undefined;
  return Math.max(WHOLE_BATCH, Math.min(...indexes));
}

/** EventBridge's PutEvents, and the rules of our bus: an event goes to the Lambda that takes its detail type. */
import { randomUUID } from 'node:crypto';
import { EVENT_SOURCE } from '../../../lambdas/adapters/event-bus/event-bus.ts';
import type { Logger } from '../../../lambdas/domain/ports/logger.ts';
import { isRecord } from '../../../lambdas/protocol/json.ts';
import type { AsyncInvoker } from '../async-invoker.ts';
import { AwsError } from '../http.ts';
import { ACCOUNT, REGION } from '../lambdas.ts';
import { BUS_EVENTS } from '../routes.ts';

export const BUS = 'herald';
const MAX_ENTRIES = 10;
/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html */
const MAX_REQUEST_BYTES = 1024 * 1024;

type EntryResult = { EventId: string } | { ErrorCode: string; ErrorMessage: string };

/** An event as whoever watches the bus sees it. */
export interface WatchedEvent {
  source: string;
  'detail-type': string;
  detail: Record<string, unknown>;
}

/** Hears of every event that our Lambdas put on the bus. */
export type EventWatch = (event: WatchedEvent) => void;

export interface EventBusPorts {
  asyncInvoker: AsyncInvoker;
  ownEvents: EventWatch;
  logger: Logger;
}

/** Entries stand alone: one that is wrong is reported in its place and the others are taken. */
export function putEvents(ports: EventBusPorts, input: unknown) {
  const entries = isRecord(input) ? input.Entries : undefined;
  if (!Array.isArray(entries) || entries.length < 1 || entries.length > MAX_ENTRIES) {
    throw new AwsError(400, 'ValidationException', `Entries: expected a list of 1 to ${MAX_ENTRIES}`);
  }
  if (Buffer.byteLength(JSON.stringify(entries)) > MAX_REQUEST_BYTES) {
    throw new AwsError(
      400,
      'ValidationException',
      'Total size of the entries in the request is over the limit.',
    );
  }
  const Entries = entries.map((entry) => putEvent(ports, isRecord(entry) ? entry : {}));
  return { FailedEntryCount: Entries.filter((entry) => 'ErrorCode' in entry).length, Entries };
}

function putEvent(
  { asyncInvoker, ownEvents, logger }: EventBusPorts,
  entry: Record<string, unknown>,
): EntryResult {
  for (const name of ['Source', 'DetailType', 'Detail']) {
    if (typeof entry[name] !== 'string' || entry[name] === '') {
      return failed(
        'InvalidArgument',
        `Parameter ${name} is not valid. Reason: ${name} is a required argument.`,
      );
    }
  }
  const detail = parseObject(String(entry.Detail));
  if (!detail) return failed('MalformedDetail', 'Detail is malformed.');
  const bus = String(entry.EventBusName ?? 'default').replace(/^arn:aws:events:[^:]*:\d*:event-bus\//, '');
  if (bus !== BUS) {
    return failed('ResourceNotFoundException', `Event bus ${bus} does not exist. The bus here is ${BUS}.`);
  }
  const event = busEvent(entry, detail);
  const [source, detailType] = [String(entry.Source), String(entry.DetailType)];
  const lambda = BUS_EVENTS.get(detailType);
  if (source === EVENT_SOURCE) ownEvents({ source, 'detail-type': detailType, detail });
  if (lambda !== undefined) asyncInvoker.invoke(lambda, event);
  // Rules for our own are the application's, and it is not here.
  else if (source === EVENT_SOURCE) logger.info('event', { source, detailType });
  else logger.warn('event matches no rule', { source, detailType, expected: [...BUS_EVENTS.keys()].join() });
  return { EventId: event.id };
}

const busEvent = (entry: Record<string, unknown>, detail: unknown) => ({
  version: '0',
  id: randomUUID(),
  'detail-type': entry.DetailType,
  source: entry.Source,
  account: ACCOUNT,
  time: `${new Date(timeOf(entry.Time)).toISOString().slice(0, 19)}Z`,
  region: REGION,
  resources: Array.isArray(entry.Resources) ? entry.Resources : [],
  detail,
});

/** The SDKs send seconds, the AWS CLI what its user wrote. What is no time, or none that a `Date` holds, is now. */
function timeOf(time: unknown): number {
  const date = new Date(typeof time === 'number' ? time * 1000 : String(time));
  const year = date.getUTCFullYear();
  return year >= 0 && year <= 9999 ? date.getTime() : Date.now();
}

const failed = (ErrorCode: string, ErrorMessage: string): EntryResult => ({ ErrorCode, ErrorMessage });

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Puts one event on a bus of EventBridge, over its JSON API. */
import { backOffMs } from '../back-off.ts';
import type { HttpAnswer, Timeouts } from './http.ts';
import { createJsonService, faultOf } from './json-service.ts';
import { type Clock, retried, SYSTEM_CLOCK } from './retry.ts';
import type { Access } from './signature.ts';

export interface BusEvent {
  source: string;
  detailType: string;
  /** A JSON text. */
  detail: string;
}

/**
 * Puts the event at least once. Rejects after some tries when EventBridge did not confirm that it
 * took the event; the event may then be on the bus all the same, once or several times.
 */
export type PutEvent = (event: BusEvent) => Promise<void>;

export interface EventBridgeOptions {
  busName: string;
  /** Undefined: the regional endpoint of the service. */
  endpoint: string | undefined;
  readAccess: () => Access;
  clock?: Clock;
}

const TIMEOUTS: Timeouts = { connectMs: 1000, requestMs: 3000 };
const TRIES = 3;
const RETRY_DELAY_MS = 50;

/** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html */
export function createEventSender({
  busName,
  endpoint,
  readAccess,
  clock = SYSTEM_CLOCK,
}: EventBridgeOptions): PutEvent {
  const call = createJsonService({
    service: 'events',
    api: 'AWSEvents',
    contentType: 'application/x-amz-json-1.1',
    endpoint,
    readAccess,
    timeouts: TIMEOUTS,
  });

  return async ({ source, detailType, detail }) => {
    const entry = { EventBusName: busName, Source: source, DetailType: detailType, Detail: detail };
    const request = JSON.stringify({ Entries: [entry] });
    const put = async () => {
      const answer = await call('PutEvents', request);
      if (!isTaken(answer)) throw faultOf('EventBridge', answer);
    };
    await retried(put, { tries: TRIES, delayMs: (attempt) => backOffMs(attempt, RETRY_DELAY_MS), clock });
  };
}

/** EventBridge answers 200 even if it refused the entry. */
function isTaken({ status, body }: HttpAnswer): boolean {
  if (status !== 200) return false;
  try {
    return JSON.parse(body).FailedEntryCount === 0;
  } catch {
    return false;
  }
}

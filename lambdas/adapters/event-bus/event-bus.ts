/** The application's event bus. */
import type { PutEvent } from '../../aws/event-bridge.ts';
import type { EventBus } from '../../domain/ports/event-bus.ts';

/** Of all events that we put on a bus. */
export const EVENT_SOURCE = 'herald';

export const createEventBus = (put: PutEvent): EventBus => ({
  put: (detailType, detail) => put({ source: EVENT_SOURCE, detailType, detail: JSON.stringify(detail) }),
});

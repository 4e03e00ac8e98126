/** The application's event bus. */

export interface EventBus {
  /** Rejects when the bus did not take the event for certain. */
  put(detailType: string, detail: Record<string, unknown>): Promise<void>;
}

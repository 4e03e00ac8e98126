/**
 * The message types of this deployment: edit this file. A type that is not listed is accepted with
 * the stack's default retention, unless the stack is deployed with `closedTypes`.
 */
import { defineMessageTypes } from './domain/publish/message-types.ts';

export const messageTypes = defineMessageTypes({
  // 'order.shipped': { data: v.object({ orderId: v.string() }), retentionSeconds: 30 * 24 * 3600 },
});

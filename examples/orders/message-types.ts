/** What the shop tells its customers. `notify` refuses anything else, because the stack is deployed with `closedTypes`. */
import { defineMessageTypes } from 'herald/message-types';
import * as v from 'valibot';

export const messageTypes = defineMessageTypes({
  'order.shipped': {
    data: v.object({ orderId: v.string(), carrier: v.optional(v.string()) }),
    retentionSeconds: 30 * 24 * 3600,
  },
  'cart.changed': { data: v.object({ items: v.pipe(v.number(), v.integer(), v.minValue(0)) }) },
});

/** What is shown of a message, in the bell and on the page. */
import type { Message } from 'herald-client';
import type { Description } from 'herald-client/bell';
import type { MessageTypes } from './message-types.ts';

export function describe(message: Message<MessageTypes>): Description {
  switch (message.type) {
    case 'order.shipped':
      return {
        title: `Order ${message.data.orderId} was shipped`,
        text: 'It will be with you tomorrow.',
        href: `#order-${message.data.orderId}`,
      };
    default:
      return { title: message.type };
  }
}

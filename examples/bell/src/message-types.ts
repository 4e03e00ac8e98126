/**
 * The messages of this app. With the server's registry at hand, write
 * `export type MessageTypes = typeof messageTypes` instead.
 */
interface Of<Data> {
  data: { '~standard': { types?: { input: Data; output: Data } } };
}

export interface MessageTypes {
  'order.shipped': Of<{ orderId: number }>;
  'news.published': Of<{ text: string }>;
}

/** The libraries of STOMP that people have, behind what a test does with any of them. */
import { createRequire } from 'node:module';
import { RxStomp } from '@stomp/rx-stomp';
import { Client as Client5 } from 'stompjs5';
import { Client as Client6 } from 'stompjs6';
import { Client as Client7 } from 'stompjs7';
import * as webstomp from 'webstomp-client';
import { WebSocket } from 'ws';

export interface Frame {
  command: string;
  headers: Record<string, string>;
  body: string;
}

export type Message = Frame & { ack(): void };
type Heard = (message: Message) => void;
type Headers = Record<string, string>;

/** A page that has heard its `CONNECTED`. */
export interface Page {
  subscribe(destination: string, heard: Heard, headers?: Headers): void;
  send(destination: string, body: string, headers?: Headers): void;
  /** Resolves with the receipt of this id. Call it before what asks for it. */
  receipt(id: string): Promise<void>;
  /** Resolves with the code of the next `ERROR`. */
  error(): Promise<string>;
  /** The network fails. */
  cut(): void;
  leave(): Promise<void>;
}

export interface PageOptions {
  url: string;
  headers: Headers;
  /** Of a library that does so by itself: it connects again, and calls this then. */
  onAgain?: (page: Page) => void;
}

export interface Library {
  /** Connects again by itself, for ever. */
  reconnects: boolean;
  /** Resolves with `CONNECTED`, rejects with the code of an `ERROR`. */
  connect(options: PageOptions): Promise<Page>;
}

const PROTOCOLS = ['v10.stomp', 'v11.stomp', 'v12.stomp'];
const RECONNECT_MS = 50;

/** What has arrived and was not waited for yet, and the other way round. */
function signals<Item>() {
  const waiting: ((item: Item) => void)[] = [];
  const items: Item[] = [];
  return {
    put(item: Item) {
      const next = waiting.shift();
      if (next) next(item);
      else items.push(item);
    },
    next(): Promise<Item> {
      const item = items.shift();
      return item === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(item);
    },
  };
}

/** What the `Client` of `@stomp/stompjs` has in common in its versions 5, 6 and 7. */
interface ModernClient {
  onConnect: () => void;
  onStompError: (frame: Frame) => void;
  subscribe(destination: string, heard: Heard, headers?: Headers): void;
  publish(message: { destination: string; body: string; headers: Headers | undefined }): void;
  watchForReceipt(id: string, callback: () => void): void;
  activate(): void;
  deactivate(): Promise<void> | void;
}

const modern = (Client: unknown): Library => ({
  reconnects: true,
  async connect({ url, headers, onAgain }) {
    const errors = signals<string>();
    let socket: WebSocket | undefined;
    const client = new (Client as new (options: object) => ModernClient)({
      webSocketFactory: () => {
        socket = new WebSocket(url, PROTOCOLS);
        return socket;
      },
      connectHeaders: headers,
      reconnectDelay: onAgain ? RECONNECT_MS : 0,
    });
    const page: Page = {
      subscribe: (...given) => client.subscribe(...given),
      send: (destination, body, more) => client.publish({ destination, body, headers: more }),
      receipt: (id) => new Promise((resolve) => client.watchForReceipt(id, resolve)),
      error: errors.next,
      cut: () => socket?.terminate(),
      leave: async () => await client.deactivate(),
    };
    return await new Promise((resolve, reject) => {
      client.onStompError = (frame) => {
        errors.put(frame.headers.message ?? '');
        reject(new Error(frame.headers.message));
      };
      client.onConnect = () => {
        resolve(page);
        client.onConnect = () => onAgain?.(page);
      };
      client.activate();
    });
  },
});

/** On stompjs 7; it subscribes again by itself. */
const rxStomp: Library = {
  reconnects: true,
  async connect({ url, headers, onAgain }) {
    const errors = signals<string>();
    const rx = new RxStomp();
    let socket: WebSocket | undefined;
    rx.configure({
      webSocketFactory: () => {
        socket = new WebSocket(url, PROTOCOLS);
        return socket;
      },
      connectHeaders: headers,
      reconnectDelay: onAgain ? RECONNECT_MS : 0,
    });
    const page: Page = {
      subscribe: (destination, heard, more = {}) =>
        rx.watch({ destination, subHeaders: more }).subscribe((message) => heard(message as Message)),
      send: (destination, body, more = {}) => rx.publish({ destination, body, headers: more }),
      receipt: (id) => new Promise((resolve) => rx.watchForReceipt(id, () => resolve())),
      error: errors.next,
      cut: () => socket?.terminate(),
      leave: () => rx.deactivate(),
    };
    return await new Promise((resolve, reject) => {
      rx.stompErrors$.subscribe((frame) => {
        errors.put(frame.headers.message ?? '');
        reject(new Error(frame.headers.message));
      });
      rx.connected$.subscribe(() => resolve(page));
      rx.activate();
    });
  },
};

/** What stompjs 2.3.3 and webstomp have in common. */
interface OldClient {
  debug: unknown;
  onreceipt?: ((frame: Frame) => void) | undefined;
  connect(headers: Headers, connected: () => void, failed: (error: unknown) => void): void;
  disconnect(done: () => void): void;
  subscribe(destination: string, heard: Heard, headers?: Headers): unknown;
}

/** `send`: the order of what a message is made of differs. */
const old = (
  over: (socket: WebSocket) => OldClient,
  protocols: string[],
  send: (client: OldClient, destination: string, body: string, headers: Headers) => void,
): Library => ({
  reconnects: false,
  async connect({ url, headers }) {
    const errors = signals<string>();
    const receipts = new Map<string, () => void>();
    const socket = new WebSocket(url, protocols);
    const client = over(socket);
    client.debug = () => {};
    client.onreceipt = (frame) => receipts.get(frame.headers['receipt-id'] ?? '')?.();
    const page: Page = {
      subscribe: (destination, heard, more = {}) => client.subscribe(destination, heard, { ...more }),
      send: (destination, body, more = {}) => send(client, destination, body, { ...more }),
      receipt: (id) => new Promise((resolve) => receipts.set(id, resolve)),
      error: errors.next,
      cut: () => socket.terminate(),
      leave: () => new Promise((resolve) => client.disconnect(resolve)),
    };
    return await new Promise((resolve, reject) => {
      // The frame of an ERROR, and then again for the close: a text or an event.
      const failed = (error: unknown) => {
        const code = (error as Partial<Frame>).headers?.message;
        if (code !== undefined) errors.put(code);
        reject(new Error(code ?? String(error)));
      };
      client.connect({ ...headers }, () => resolve(page), failed);
    });
  },
});

const stomp2 = createRequire(import.meta.url)('stompjs2') as { over(socket: WebSocket): OldClient };

const stompjs2 = old(
  (socket) => stomp2.over(socket),
  ['v10.stomp', 'v11.stomp'],
  (client, destination, body, headers) =>
    (client as unknown as { send(to: string, headers: Headers, body: string): void }).send(
      destination,
      headers,
      body,
    ),
);

const webstompClient = old(
  (socket) => webstomp.over(socket, { debug: false }) as unknown as OldClient,
  PROTOCOLS,
  (client, destination, body, headers) =>
    (client as unknown as webstomp.Client).send(destination, body, headers),
);

export const LIBRARIES: Record<string, Library> = {
  'stompjs 7': modern(Client7),
  'stompjs 6': modern(Client6),
  'stompjs 5': modern(Client5),
  'stompjs 2.3.3': stompjs2,
  'webstomp-client': webstompClient,
  'rx-stomp': rxStomp,
};

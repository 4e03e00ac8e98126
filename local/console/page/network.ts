/**
 * The network of one device, which can be cut as in a tunnel: its sockets fail at once on this side, and the server is not told. It
 * goes on posting into the void until the device comes back or the idle limit strikes.
 */
import type { Socket, SocketConstructor } from '../../../client/index.ts';

export interface Frame {
  at: number;
  /** `lost`: the server posted it, the device never got it. */
  direction: 'in' | 'out' | 'lost';
  text: string;
}

export class Network {
  readonly WebSocket: SocketConstructor;
  readonly #hear: (frame: Frame) => void;
  readonly #changed: () => void;
  readonly #sockets = new Set<CuttableSocket>();
  #isCut = false;
  #losesNext = false;

  constructor(hear: (frame: Frame) => void, changed: () => void) {
    const network = this;
    this.#hear = hear;
    this.#changed = changed;
    this.WebSocket = class extends CuttableSocket {
      constructor(url: string, protocols: string[]) {
        super(network, url, protocols);
        network.#sockets.add(this);
      }
    };
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  get losesNext(): boolean {
    return this.#losesNext;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.sever();
    this.#sockets.clear();
    this.#changed();
  }

  /** The browser would say so too, which makes the client try at once. */
  restore(): void {
    this.#isCut = false;
    this.#changed();
    dispatchEvent(new Event('online'));
  }

  /** The next live message does not arrive. */
  loseNext(): void {
    this.#losesNext = true;
    this.#changed();
  }

  /** Returns whether it arrives. */
  pass(socket: CuttableSocket, direction: 'in' | 'out', text: string): boolean {
    const isUnlucky = this.#losesNext && direction === 'in' && text.startsWith('{"event":"message"');
    if (isUnlucky) this.#losesNext = false;
    const isLost = isUnlucky || !this.#sockets.has(socket);
    this.#hear({ at: performance.now(), direction: isLost ? 'lost' : direction, text });
    return !isLost;
  }

  forget(socket: CuttableSocket): void {
    this.#sockets.delete(socket);
  }
}

const CLOSED = 3;

class CuttableSocket implements Socket {
  onopen: ((event: never) => unknown) | null = null;
  onmessage: ((event: never) => unknown) | null = null;
  onerror: ((event: never) => unknown) | null = null;
  onclose: ((event: never) => unknown) | null = null;
  readonly #network: Network;
  readonly #real: WebSocket | undefined;
  #isSevered = false;

  constructor(network: Network, url: string, protocols: string[]) {
    this.#network = network;
    if (network.isCut) {
      queueMicrotask(() => this.sever());
      return;
    }
    this.#real = new WebSocket(url, protocols);
    this.#real.onopen = (event) => this.#isSevered || this.onopen?.(event as never);
    this.#real.onerror = (event) => this.#isSevered || this.onerror?.(event as never);
    this.#real.onmessage = (event) => {
      if (network.pass(this, 'in', String(event.data))) this.onmessage?.(event as never);
    };
    this.#real.onclose = (event) => {
      network.forget(this);
      if (!this.#isSevered) this.onclose?.(event as never);
    };
  }

  get readyState(): number {
    return this.#isSevered ? CLOSED : (this.#real?.readyState ?? 0);
  }

  send(text: string): void {
    if (this.#network.pass(this, 'out', text)) this.#real?.send(text);
  }

  close(): void {
    this.#network.forget(this);
    if (!this.#isSevered) this.#real?.close();
  }

  sever(): void {
    this.#isSevered = true;
    this.onclose?.({ code: 1006 } as never);
  }
}

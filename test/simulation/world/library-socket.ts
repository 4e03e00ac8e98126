/** A WebSocket as browsers have it, to the simulated gateway. */
import type { Socket as WebSocketLike } from '../../../client/types.ts';
import type { DeviceSpec } from './device.ts';
import type { Peer, Socket } from './sockets.ts';
import type { World } from './world.ts';

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

export class LibrarySocket implements WebSocketLike, Peer {
  readyState = CONNECTING;
  onopen: ((event: never) => unknown) | null = null;
  onmessage: ((event: never) => unknown) | null = null;
  onerror: ((event: never) => unknown) | null = null;
  onclose: ((event: never) => unknown) | null = null;
  readonly socket: Socket;
  readonly #world: World;
  /** Called when a frame has been worked off. */
  readonly #heard: () => void;

  constructor(world: World, spec: DeviceSpec, url: string, protocols: string[], heard: () => void) {
    this.#world = world;
    this.#heard = heard;
    const token = protocols.find((name) => name.startsWith('bearer.'))?.slice('bearer.'.length) ?? '';
    const handover = new URL(url).searchParams.get('handover') === '1';
    const tokenExpiresAt = Number(token.split('.')[1]);
    this.socket = world.sockets.connect({ ...spec, token, tokenExpiresAt, handover }, this);
  }

  get isOpen(): boolean {
    return this.readyState === OPEN;
  }

  send(text: string): void {
    this.#world.sockets.send(this.socket, text);
  }

  close(): void {
    this.drop(false);
  }

  drop(unnoticed: boolean): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    this.#world.sockets.leave(this.socket, unnoticed);
  }

  opened(): void {
    if (this.readyState !== CONNECTING) return;
    this.readyState = OPEN;
    this.onopen?.({} as never);
  }

  refused(): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    this.onerror?.({} as never);
    this.onclose?.({ code: 1006 } as never);
  }

  received(_socket: Socket, text: string): void {
    if (this.readyState !== OPEN) return;
    if (text.startsWith('{"event":"bye"') && text.includes('"replaced"'))
      this.#world.judge.toldReplaced(this.socket);
    this.onmessage?.({ data: text } as never);
    this.#world.scheduler.after(0, this.#heard);
  }

  closed(_socket: Socket, code: number): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    this.onclose?.({ code } as never);
  }
}

/** What one device has of one channel: what has become of every seq it has heard of. */
import type { Message } from '../../../client/index.ts';
import type { Channel } from './channel.ts';

/** `earlier`: settled before this page knew of it. `missing`: the device has yet to get it. */
export type SeqState = 'live' | 'replayed' | 'own' | 'earlier' | 'missing' | 'withdrawn';

export interface Arrival {
  seq: number;
  id?: string;
  text: string;
  how: 'live' | 'replayed' | 'own';
  /** Since this page sent it. */
  milliseconds: number | undefined;
}

export class Hearing {
  readonly channel: Channel;
  arrivals: Arrival[] = [];
  acked = 0;
  readonly #deviceId: string;
  readonly #cursorOf: () => number | undefined;
  readonly #arrivedAs = new Map<number, 'live' | 'replayed'>();
  readonly #withdrawn = new Set<number>();
  /** The highest seq that has arrived. */
  #newest = 0;

  /** `cursorOf`: the last seq the device's client has finished with, once it knows. */
  constructor(channel: Channel, deviceId: string, cursorOf: () => number | undefined) {
    this.channel = channel;
    this.#deviceId = deviceId;
    this.#cursorOf = cursorOf;
  }

  /** The device knows where it stands. */
  get hasBegun(): boolean {
    return this.#cursorOf() !== undefined;
  }

  /** The last seq it has finished with. */
  get cursor(): number {
    return this.#cursorOf() ?? 0;
  }

  /** What lies before something that has arrived, and has not arrived itself. */
  get gap(): number[] {
    return this.#missingThrough(this.#newest);
  }

  /** How many there are that it has yet to get. */
  get behind(): number {
    return this.#missingThrough(this.channel.head).length;
  }

  #missingThrough(last: number): number[] {
    return range(this.cursor + 1, last).filter((seq) => this.stateOf(seq) === 'missing');
  }

  stateOf(seq: number): SeqState {
    if (this.#withdrawn.has(seq)) return 'withdrawn';
    const how = this.#arrivedAs.get(seq);
    if (how) return how;
    if (this.channel.originOf(seq) === this.#deviceId) return 'own';
    return seq <= this.cursor ? 'earlier' : 'missing';
  }

  /** The device caused a message that it would hear otherwise. */
  stayedSilent(seq: number, text: string): void {
    this.arrivals.push({ seq, text, how: 'own', milliseconds: undefined });
  }

  /** Returns whether it is new. */
  arrive(seq: number, how: 'live' | 'replayed'): boolean {
    this.#newest = Math.max(this.#newest, seq);
    this.channel.reach(seq);
    if (this.#arrivedAs.has(seq)) return false;
    this.#arrivedAs.set(seq, how);
    return true;
  }

  /** Their contents are gone. */
  withdraw(seqs: number[]): void {
    for (const seq of seqs) this.#withdrawn.add(seq);
    this.arrivals = this.arrivals.filter(({ seq }) => !this.#withdrawn.has(seq));
  }

  /** The client has surfaced it. */
  got({ seq, id, data }: Message): Arrival {
    const how = this.#arrivedAs.get(seq) ?? 'replayed';
    const arrival = { seq, id, text: textOf(data), how, milliseconds: this.channel.sinceSent(id) };
    this.arrivals.push(arrival);
    return arrival;
  }

  /** The server's numbering began anew, as after a restart of the local stack. */
  forget(): void {
    this.#arrivedAs.clear();
    this.#withdrawn.clear();
    this.#newest = 0;
    this.arrivals = [];
    this.channel.restart();
  }
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);

/** Whatever a publisher sent, on one line. */
export function textOf(data: unknown): string {
  const { text } = (data ?? {}) as { text?: unknown };
  return typeof text === 'string' ? text : JSON.stringify(data);
}

/** What goes wrong, where, and how often: drawn from the seed, counted by kind and port, and dropped one by one when a failure is shrunk. */
import { Random } from './random.ts';

/** `error before`: nothing happened. `error after`: it happened, the caller does not know. `late effect`: it happens after the caller was told it failed. */
const CALL_FAULTS = [
  'error before',
  'error after',
  'late effect',
  'throttle',
  'slow',
  'repeated',
  'crash before',
  'crash after',
] as const;

const POST_FAULTS = [
  'error before',
  'error after',
  'throttle',
  'slow',
  'crash before',
  'crash after',
  'gone though open',
] as const;

const QUEUE_FAULTS = [
  'error before',
  'error after',
  'throttle',
  'slow',
  'repeated',
  'crash before',
  'crash after',
] as const;

/** Every cell of the table: a kind that can befall a port. */
export const FAULTS = {
  ConnectionStore: CALL_FAULTS,
  DeviceStore: CALL_FAULTS,
  LogStore: CALL_FAULTS,
  SubscriptionStore: CALL_FAULTS,
  MemberStore: CALL_FAULTS,
  CursorStore: CALL_FAULTS,
  Gateway: POST_FAULTS,
  Queue: QUEUE_FAULTS,
  FanOutQueue: QUEUE_FAULTS,
  Retries: ['delivered late', 'delivered twice', 'receipt lost'],
  FanOuts: ['delivered late', 'delivered twice', 'receipt lost', 'partly taken'],
  Lambda: ['slow start', 'clock ahead', 'clock behind', 'invoked twice'],
  Handshake: ['slow', 'slow opening', 'authorizer failed'],
  Socket: ['full', 'dead but accepting', 'lost $disconnect', 'late $disconnect', 'frames out of order'],
  Stream: ['late', 'duplicate', 'paused', 'result lost'],
  Tables: [
    'ttl at once',
    'ttl late',
    'half-visible transaction',
    'short page',
    'keys left unprocessed',
    'restored',
  ],
  Client: ['crash', 'old storage', 'storage lost', 'malformed frame', 'frame ahead of the head'],
} as const satisfies Record<string, readonly string[]>;

export type Port = keyof typeof FAULTS;
export type FaultOf<Name extends Port> = (typeof FAULTS)[Name][number];
export type CallPort =
  | 'ConnectionStore'
  | 'DeviceStore'
  | 'LogStore'
  | 'SubscriptionStore'
  | 'MemberStore'
  | 'CursorStore'
  | 'Gateway'
  | 'Queue'
  | 'FanOutQueue';
export type CallFault = FaultOf<CallPort>;

export interface Injected {
  ordinal: number;
  at: number;
  what: string;
}

export class Faults {
  /** Since when there are none, from the beginning of the run. Undefined: there are some. */
  calmSince: number | undefined;
  /** Instead of the rates of the plan: these kinds and no others. */
  only: { port: Port; kinds: readonly string[]; rate: number } | undefined;
  readonly counts = new Map<string, number>();
  readonly injected: Injected[] = [];
  readonly #random: Random;
  readonly #rates: Map<string, number>;
  readonly #dropped: ReadonlySet<number>;
  readonly #now: () => number;
  #ordinal = 0;

  constructor(seed: number, rates: Map<string, number>, dropped: ReadonlySet<number>, now: () => number) {
    this.#random = new Random(seed, 'faults');
    this.#rates = rates;
    this.#dropped = dropped;
    this.#now = now;
  }

  get on(): boolean {
    return this.calmSince === undefined;
  }

  set on(on: boolean) {
    this.calmSince = on ? undefined : (this.calmSince ?? this.#now());
  }

  /** At most one fault of a call. */
  ofCall(port: CallPort): CallFault | undefined {
    let drawn = this.#random.next();
    for (const kind of FAULTS[port]) {
      const rate = this.#rateOf(port, kind);
      if (drawn < rate) return this.#inject(port, kind) ? kind : undefined;
      drawn -= rate;
    }
    return undefined;
  }

  strikes<Name extends Port>(port: Name, kind: FaultOf<Name>): boolean {
    return this.#random.chance(this.#rateOf(port, kind)) && this.#inject(port, kind);
  }

  /** Notes what is not drawn call by call. */
  note<Name extends Port>(port: Name, kind: FaultOf<Name>): void {
    this.#count(port, kind);
  }

  #rateOf(port: Port, kind: string): number {
    const { only } = this;
    if (only) return only.port === port && only.kinds.includes(kind) ? only.rate : 0;
    return Math.min(0.5, (this.#rates.get(kind) ?? 0) * (SCARCE[port] ?? 1));
  }

  #inject(port: Port, kind: string): boolean {
    const ordinal = this.#ordinal++;
    if (!this.on || this.#dropped.has(ordinal)) return false;
    this.injected.push({ ordinal, at: this.#now(), what: `${port}: ${kind}` });
    this.#count(port, kind);
    return true;
  }

  #count(port: Port, kind: string): void {
    const cell = cellOf(port, kind);
    this.counts.set(cell, (this.counts.get(cell) ?? 0) + 1);
  }
}

export const cellOf = (port: Port, kind: string): string => `${port}|${kind}`;

/** Ports that a run calls seldom: so many times as likely to fail. */
const SCARCE: Partial<Record<Port, number>> = { FanOutQueue: 5 };

/** Few chances to strike in a run: drawn four times as often. */
const OFTEN = [
  'delivered late',
  'delivered twice',
  'receipt lost',
  'dead but accepting',
  'lost $disconnect',
  'late $disconnect',
  'duplicate',
  'paused',
  'malformed frame',
];

/** Some kinds not at all, others from rarely to often, so that some runs are calm and others hell. */
export function drawRates(random: Random): Map<string, number> {
  const rates = new Map<string, number>();
  const calm = random.chance(0.1);
  for (const kinds of Object.values(FAULTS)) {
    for (const kind of kinds) {
      const rate = random.chance(0.45) ? random.logarithmic(2, 100) / 1000 : 0;
      const scarce = kind.startsWith('crash') ? rate / 4 : rate;
      rates.set(kind, calm ? 0 : scarce);
    }
  }
  // Races need somebody who is slow.
  if (!calm && random.chance(0.3)) rates.set('slow', 0.25);
  for (const kind of OFTEN) {
    rates.set(kind, Math.min(0.5, (rates.get(kind) ?? 0) * 4));
  }
  return rates;
}

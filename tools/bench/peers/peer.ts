/** What the pipelines under comparison have in common: N devices of one user, and a publisher. */

export type Received = (device: number, payload: string) => void;

export interface Peer {
  readonly name: string;
  /** What it stores and promises, for the report. */
  readonly promises: string;
  /** Opens devices `from` up to `to`, ready to receive. */
  connect(from: number, to: number, received: Received): Promise<void>;
  /** The device is away: what is published meanwhile waits for it. */
  disconnect(device: number): Promise<void>;
  /** Resolves when the publisher knows that the message is taken. */
  publish(payload: string): Promise<void>;
  /** CPU milliseconds its servers have used so far; `database`: the part of the local DynamoDB server. */
  cpu(): Promise<{ total: number; database: number }>;
  stop(): Promise<void>;
}

/** Whatever becomes of the work, no server outlives it. */
export async function withPeer<Result>(
  start: () => Promise<Peer>,
  work: (peer: Peer) => Promise<Result>,
): Promise<Result> {
  const peer = await start();
  try {
    return await work(peer);
  } finally {
    await peer.stop();
  }
}

const CONNECTS_AT_ONCE = 10;

export async function openDevices(
  from: number,
  to: number,
  open: (device: number) => Promise<void>,
): Promise<void> {
  const devices = Array.from({ length: to - from }, (_, index) => from + index);
  const worker = async () => {
    for (let device = devices.shift(); device !== undefined; device = devices.shift()) await open(device);
  };
  await Promise.all(Array.from({ length: CONNECTS_AT_ONCE }, worker));
}

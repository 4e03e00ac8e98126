/** What the pipelines under comparison have in common: N devices of one user, and a publisher. */

export interface Peer {
  readonly name: string;
  /** What it stores and promises, for the report. */
  readonly promises: string;
  /** Opens devices `from` up to `to`, ready to receive. */
  connect(from: number, to: number, received: (device: number, payload: string) => void): Promise<void>;
  /** The device is away: what is published meanwhile waits for it. */
  disconnect(device: number): Promise<void>;
  /** Resolves when the publisher knows that the message is taken. */
  publish(payload: string): Promise<void>;
  /** CPU milliseconds its servers have used so far; `database`: the part of the local DynamoDB server. */
  cpu(): Promise<{ total: number; database: number }>;
  stop(): Promise<void>;
}

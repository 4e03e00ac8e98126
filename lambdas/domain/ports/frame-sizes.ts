/** How much of a channel's log one frame holds, as each dialect has it. */
import type { DialectName, HistoryFrame, JsonText, ReplayFrame, WireMessage } from '../../protocol/frames.ts';

/**
 * Cuts a range into frames, each as full as the dialect allows; together they account for all of
 * it.
 */
export type CutReplay = (dialect: DialectName, range: ReplayRange) => Iterable<ReplayFrame<JsonText>>;

/** A part of a channel's log, for one device. */
export interface ReplayRange {
  channel: string;
  epoch: string;
  /** The newest seq of the channel. */
  head: number;
  /** Exclusive lower bound. */
  after: number;
  /** Inclusive upper bound. */
  through: number;
  /** What is kept of these seqs, ascending. */
  kept: KeptMessage[];
}

export interface KeptMessage {
  seq: number;
  /**
   * As the device is told it. Undefined: it caused the message, the message is collapsed, or is a
   * withdrawal.
   */
  told: WireMessage | undefined;
  /** A newer message with the same collapse key stands for it. */
  isCollapsed: boolean;
  /** It is a withdrawal: of these seqs. */
  withdraws?: number[] | undefined;
}

/** The frame with as many of its newest messages as the dialect lets one frame have. */
export type FitHistory = (dialect: DialectName, frame: HistoryFrame<JsonText>) => HistoryFrame<JsonText>;

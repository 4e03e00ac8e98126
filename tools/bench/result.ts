/** What a question answers with: the rows of the table, and a plot where one says more. */

export interface Row {
  what: string;
  unit: string;
  ours: number;
  /** The least the platform itself costs. */
  floor?: number;
  /** What the usual way costs; with several peers, the one that the goal is held against. */
  naive?: number;
  /** By name. */
  peers?: Record<string, number>;
  goal: string;
  /** Undefined: no goal was set, or there was nothing to compare with. */
  held?: boolean | undefined;
}

export interface Plot {
  title: string;
  unit: string;
  logarithmic?: boolean;
  /** Values of one group share a label. */
  groups: { label: string; bars: { name: string; value: number }[] }[];
}

export interface Result {
  title: string;
  rows: Row[];
  plots?: Plot[];
  notes?: string[];
}

export type Question = (progress: (text: string) => void) => Promise<Result>;

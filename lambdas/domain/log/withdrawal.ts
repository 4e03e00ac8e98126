/** How a withdrawal stands in a log: as a message of a reserved type, whose data names the seqs. */
import type { JsonText } from '../../protocol/frames.ts';
import type { Message } from '../model.ts';

const TYPE = 'herald.withdrawn';

/** What all withdrawals have in common. Nobody is left out, and nothing stands for another. */
export const WITHDRAWAL = {
  type: TYPE,
  originUserId: undefined,
  originDeviceId: undefined,
  originTab: undefined,
  collapseKey: undefined,
  payload: undefined,
} as const;

/** The data of a withdrawal. */
export const dataNaming = (seqs: number[]): JsonText => JSON.stringify({ seqs });

export const isWithdrawal = ({ type }: Pick<Message, 'type'>): boolean => type === TYPE;

/** The seqs that a message withdraws. Undefined: it is no withdrawal. */
export const withdrawnSeqs = (message: Pick<Message, 'type' | 'data'>): number[] | undefined =>
  isWithdrawal(message) ? JSON.parse(message.data).seqs : undefined;

/** What a replay tells one device of the messages that are kept. */
import { withdrawnSeqs } from '../log/withdrawal.ts';
import type { Message } from '../model.ts';
import { type Hearer, isExcluded, originTabFor } from '../origin.ts';
import type { KeptMessage } from '../ports/frame-sizes.ts';

/** In the order given. Of the messages with one collapse key only the newest is told. */
export function keptFor(messages: Message[], hearer: Hearer): KeptMessage[] {
  const newest = newestByKey(messages);
  return messages.map((message) => {
    const { seq } = message;
    const withdraws = withdrawnSeqs(message);
    if (withdraws) return { seq, told: undefined, isCollapsed: false, withdraws };
    if (isSuperseded(message, newest)) return { seq, told: undefined, isCollapsed: true };
    if (isExcluded(message, hearer)) return { seq, told: undefined, isCollapsed: false };
    const origin = originTabFor(message, hearer);
    return { seq, told: origin === undefined ? message : { ...message, origin }, isCollapsed: false };
  });
}

const newestByKey = (messages: Message[]): ReadonlyMap<string, number> =>
  new Map(
    messages.flatMap(({ collapseKey, seq }) => (collapseKey === undefined ? [] : [[collapseKey, seq]])),
  );

const isSuperseded = ({ collapseKey, seq }: Message, newest: ReadonlyMap<string, number>): boolean =>
  collapseKey !== undefined && newest.get(collapseKey) !== seq;

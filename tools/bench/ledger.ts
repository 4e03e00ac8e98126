/** Who is owed which message, and who got it: nothing lost, nothing doubled, everything in order. */

export interface Verdict {
  expected: number;
  delivered: number;
  lost: number;
  doubled: number;
  disordered: number;
}

export interface Ledger {
  /** The publisher has its answer: every device of the user is owed this message. */
  published(userId: string, seq: number): void;
  received(userId: string, device: number, seq: number): void;
  /** Devices that lack something they are owed, times what they lack. */
  missing(): number;
  verdict(): Verdict;
}

interface Device {
  seen: Set<number>;
  newest: number;
}

export function createLedger(users: readonly string[], devicesPerUser: number): Ledger {
  const newDevice = (): Device => ({ seen: new Set(), newest: 0 });
  const ledger = new Map(
    users.map((userId) => [
      userId,
      { owed: new Set<number>(), devices: Array.from({ length: devicesPerUser }, newDevice) },
    ]),
  );
  const counts = { delivered: 0, doubled: 0, disordered: 0 };
  const all = [...ledger.values()];

  const missing = (): number =>
    all
      .flatMap(({ owed, devices }) =>
        devices.map(({ seen }) => [...owed].filter((seq) => !seen.has(seq)).length),
      )
      .reduce((sum, lacking) => sum + lacking, 0);

  return {
    published: (userId, seq) => void ledger.get(userId)?.owed.add(seq),
    received(userId, device, seq) {
      const its = ledger.get(userId)?.devices[device];
      if (!its) return;
      if (its.seen.has(seq)) counts.doubled += 1;
      else if (seq < its.newest) counts.disordered += 1;
      its.seen.add(seq);
      its.newest = Math.max(its.newest, seq);
      counts.delivered += 1;
    },
    missing,
    verdict: () => ({
      expected: all.reduce((sum, { owed, devices }) => sum + owed.size * devices.length, 0),
      lost: missing(),
      ...counts,
    }),
  };
}

export const isClean = ({ lost, doubled, disordered }: Verdict): boolean =>
  lost === 0 && doubled === 0 && disordered === 0;

/**
 * A mutex per channel: publishers in one process take turns instead of racing each other, since a
 * lost race costs a transaction. Publishers in other processes still race.
 */

/** Runs a task when all earlier tasks of its channel have ended, however they ended. */
export type Enqueue = <Result>(channel: string, task: () => Promise<Result>) => Promise<Result>;

export function createChannelQueue(): Enqueue {
  const last = new Map<string, Promise<unknown>>();
  return async (channel, task) => {
    const turn = (last.get(channel) ?? Promise.resolve()).then(task);
    const ended = turn.catch(() => undefined);
    last.set(channel, ended);
    try {
      return await turn;
    } finally {
      if (last.get(channel) === ended) last.delete(channel);
    }
  };
}

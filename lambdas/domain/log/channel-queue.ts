/**
 * Publishers in one process take turns at a channel instead of racing each other, since a lost race costs a transaction. Those in
 * other processes are still raced.
 */
import type { App } from '../app.ts';

const queues = new WeakMap<App, Map<string, Promise<unknown>>>();

/** Runs the task when those of the same channel that came before have ended, however they ended. */
export async function enqueue<Result>(
  app: App,
  channel: string,
  task: () => Promise<Result>,
): Promise<Result> {
  const last = queues.get(app) ?? new Map<string, Promise<unknown>>();
  queues.set(app, last);
  const turn = (last.get(channel) ?? Promise.resolve()).then(task);
  const ended = turn.catch(() => undefined);
  last.set(channel, ended);
  try {
    return await turn;
  } finally {
    if (last.get(channel) === ended) last.delete(channel);
  }
}

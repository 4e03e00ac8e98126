/** What the last stages of a run need of it: time that passes, and messages. */
import type { World } from '../world/world.ts';

export interface Stage {
  pass(milliseconds: number): Promise<void>;
  /** As long as everybody may take who need not ask. */
  passPrompt(): Promise<void>;
  passReconnects(): Promise<void>;
  publish(userId: string, bytes?: number): void;
  publishTo(channel: string): void;
}

/** Lets time pass until the work has ended: it takes time of this world. */
export async function passUntilDone(
  { failed }: Pick<World, 'failed'>,
  pass: Stage['pass'],
  work: Promise<void>,
): Promise<void> {
  let isUnderWay = true;
  const ended = work.catch(failed).finally(() => {
    isUnderWay = false;
  });
  while (isUnderWay) await pass(50);
  await ended;
}
